"""`ezio` of version 2, a daemon, and the helpers that Clonezilla talks to it with."""
import json
import os
import pty
import signal
import socket
import stat
import sys
import unittest

from lib import extents, runner
from lib.clonezilla import FRONTS, ClonezillaCase, check, front
from lib.proc import run, wait_until
from lib.swarm import info_hash_hex

sys.path.insert(0, FRONTS)
from ezio_clonezilla import follow  # noqa: E402
from ezio_clonezilla.memory import Budget  # noqa: E402


class DaemonCase(ClonezillaCase):
    def setUp(self):
        super().setUp()
        self.runtime = os.environ["EZIO_RUNTIME_DIR"]

    def daemon(self, *flags, port=50051, before_exec=None):
        process = self.spawn("ezio", [front("ezio"), *flags, "-l", f"127.0.0.1:{port}"], before_exec=before_exec)
        wait_until(lambda: "takes torrents" in process.stdout(), 10, lambda: f"a daemon: {process.output()}")
        return process

    def helper(self, name, *argv, code=0, naming="", **kwargs):
        done = run(front(name), *argv, check=False, **kwargs)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(naming, done.stderr)
        return done.stdout

    def add(self, *argv, **kwargs):
        return self.helper("ezio_add_torrent.py", *argv, **kwargs)

    def ask(self, request, port=50051):
        """What the daemon answers to these bytes: the objects of its lines until it hangs up."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(20)
            connection.connect(os.path.join(self.runtime, f"control-{port}"))
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as stream:
                return [json.loads(line) for line in stream]

    def status(self, port=50051):
        """By name."""
        reply, = self.ask(b'{"command": "status"}\n', port)
        return {one["name"]: one for one in reply["torrents"]}


class DaemonTest(DaemonCase):
    def setUp(self):
        super().setUp()
        self.tracker_here = self.tracker()

    def torrent(self, name):
        return self.torrent_of(self.captures[name], [self.tracker_here.announce])

    def test_a_room_as_its_scripts_do_it(self):
        """ocs-ezio-seeder and ocs-ezio-leecher of Clonezilla 5.18: their commands, with their flags."""
        torrents = {name: self.torrent(name) for name in ("sda1", "sda2")}
        seeder = self.daemon("-F", "--cache-size", "300", "--aio-threads", "4", "--slow-start", "--slow-start-period", "5")
        for name, torrent in torrents.items():
            self.add("-S", "-c", "6", "-u", "5", torrent, self.captures[name].parent)
        leecher = self.daemon("--cache-size", "300", "--aio-threads", "4", port=50052)
        targets = {name: self.target(self.captures[name]) for name in torrents}
        for name, torrent in torrents.items():
            self.add("-a", "127.0.0.1:50052", "-c", "6", "-u", "5", torrent, targets[name].path)
        output = self.helper("ezio_cli.py", "-w", "1", "-l", "1", "-a", "127.0.0.1:50052")
        self.assertIn("sda1: complete", output)
        self.assertIn("sda2: complete", output)
        self.assertEqual(leecher.wait(20), 0)
        for name, target in targets.items():
            self.assert_cloned(target, self.captures[name])
        self.assertEqual(seeder.stop(), 0)
        self.assertEqual(os.listdir(self.runtime), [])

    def test_one_that_is_refused_is_told_by_everybody_and_the_other_is_cloned(self):
        seeder = self.daemon()
        self.add("-S", self.torrent("sda1"), self.captures["sda1"].image)
        self.add("-S", self.torrent("sda2"), self.captures["sda2"].image)
        leecher = self.daemon(port=50052)
        small = self.target(self.captures["sda1"], size=self.captures["sda1"].size // 2)
        good = self.target(self.captures["sda2"])
        here = ("-a", "localhost:50052")
        self.add(*here, self.torrent("sda1"), small.path, code=4, naming=small.path)
        self.add(*here, self.torrent("sda2"), good.path)
        self.add(*here, self.torrent("sda2"), good.path, code=4, naming="has been added already")
        self.add(*here, self.captures["sda1"].image, small.path, code=3, naming="not a torrent")
        output = self.helper("ezio_cli.py", *here, "-w", "1", "-l", "1", code=4)
        self.assertIn("sda1: FAILED", output)
        self.assertIn("sda1.img: FAILED", output)
        self.assertIn("sda2: complete", output)
        self.assertEqual(leecher.wait(20), 4)
        self.assertIn("sda1: failed with 4", leecher.stdout())
        extents.assert_untouched(small.backing_path)
        self.assert_cloned(good, self.captures["sda2"])
        self.assertEqual(seeder.stop(), 0)

    def test_one_that_was_refused_may_be_added_again(self):
        self.daemon()
        torrent = self.torrent("sda1")
        self.add(torrent, "/nowhere/sda1", code=4, naming="/nowhere/sda1")
        self.assertTrue(self.status()["sda1"]["is_failed"])
        self.add("-S", torrent, self.captures["sda1"].image)
        self.assertFalse(self.status()["sda1"]["is_failed"])

    def test_pause_and_resume_keep_what_is_there(self):
        self.daemon("-p", "7000")
        torrent, target = self.torrent("sda1"), self.target(self.captures["sda1"])
        info_hash = info_hash_hex(torrent)
        self.add(torrent, target.path)  # of nobody yet
        self.helper("ezio_pause_torrent", info_hash)
        one = self.status()["sda1"]
        self.assertTrue(one["is_paused"] and not one["is_finished"] and not one["is_failed"])
        self.assertEqual(self.peers_of_this_test(), [])
        seeder = self.daemon("-p", "7100", port=50052)
        self.add("-a", "127.0.0.1:50052", "-S", torrent, self.captures["sda1"].image)
        self.helper("ezio_resume_torrent", info_hash)
        wait_until(lambda: self.status()["sda1"]["is_finished"], 60, lambda: f"a clone: {self.status()}")
        self.helper("ezio_pause_torrent.py", info_hash)
        self.assertTrue(self.status()["sda1"]["is_finished"])
        self.helper("ezio_resume_torrent.py", info_hash)
        wait_until(lambda: self.status()["sda1"]["phase"] == "complete", 60, lambda: f"a seed: {self.status()}")
        self.assertEqual(self.status()["sda1"]["is_paused"], False)
        self.helper("ezio_shutdown.py", "-a", "127.0.0.1:50052")
        self.assertEqual(seeder.wait(20), 0)
        self.assert_cloned(target, self.captures["sda1"])

    def peers_of_this_test(self):
        daemons = {str(process.pid) for process in self.processes if process.running()}
        found = run("ps", "-C", "ezio-peer", "-o", "pid=,ppid=", check=False).stdout.split("\n")
        return [line for line in found if line.split()[1:2] and line.split()[1] in daemons]

    def test_it_ends_when_told_with_all_that_it_runs_and_says_what_is_not_complete(self):
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (None, 1)):
            daemon = self.daemon(before_exec=os.setsid)
            self.add("-S", self.torrent("sda2"), self.captures["sda2"].image)
            self.add(self.torrent("sda1"), self.target(self.captures["sda1"]).path)
            self.assertEqual(len(self.peers_of_this_test()), 2)
            if number is None:
                self.helper("ezio_shutdown")
            else:
                os.killpg(daemon.pid, number)  # as a terminal does
            self.assertEqual(daemon.wait(20), code)
            self.assertIn("sda1: ended before it was complete", daemon.stdout())
            self.assertNotIn("failed with", daemon.stdout())
            self.assertEqual(self.peers_of_this_test(), [])
            self.helper("ezio_shutdown", code=1, naming="no ezio runs")

    def test_killed_outright_it_leaves_no_peer_and_its_successor_starts(self):
        host = self.new_host("host")
        daemon = host.spawn("ezio", front("ezio"))
        wait_until(lambda: "takes torrents" in daemon.stdout(), 10, "a daemon")
        host.run(front("ezio_add_torrent.py"), "-S", self.torrent("sda1"), self.captures["sda1"].image)
        self.assertIn("ezio", host.names())
        # As ocs-ezio-seeder and ocs-ezio-leecher end the one before: by how its command line begins.
        pid = host.run("pgrep", "-f", "^ezio").stdout.split()
        self.assertEqual(len(pid), 1)
        host.run("kill", "-9", *pid)
        wait_until(lambda: not {"ezio", "ezio-peer"} & set(host.names()), 10, lambda: f"an end of {host.names()}")
        again = host.spawn("ezio", front("ezio"))
        wait_until(lambda: "takes torrents" in again.stdout(), 10, lambda: again.output())
        host.run("pkill", "-f", "-15", "^ezio")
        self.assertEqual(again.wait(10), 0)

    def test_the_screen_shows_the_torrents_and_leaves_the_truth_behind(self):
        for kind in ("linux", "vt100"):  # with colours, and without
            self.look(kind)

    def look(self, kind):
        daemon = self.daemon()
        self.add("-S", self.torrent("sda1"), self.captures["sda1"].image)
        terminal, its_end = pty.openpty()
        run("stty", "-F", os.ttyname(its_end), "rows", 30, "cols", 120)
        command = ["sh", "-c", f'exec "$0" -w 1 -l 1 <"{os.ttyname(its_end)}"', front("ezio_ui.py")]
        screen = self.spawn("ezio_ui.py", command, env={"TERM": kind}, tty=its_end)
        os.close(its_end)
        shown = read_until_closed(terminal)
        self.assertEqual(screen.wait(30), 0)
        self.assertIn("sda1", shown)
        self.assertIn("100.0%", shown)
        self.assertIn("sda1: complete", shown)
        self.assertEqual(daemon.wait(20), 0)

    def test_the_client_says_numbers(self):
        self.daemon()
        torrent = self.torrent("sda1")
        self.add("-S", torrent, self.captures["sda1"].image)
        output = self.helper("ezio_client", "--progress", "--upload_speed", "--download_speed", "--hash", info_hash_hex(torrent))
        self.assertIn(f"{info_hash_hex(torrent)} progress 100.00 %", output)
        self.assertEqual(len(output.splitlines()), 3)
        self.helper("ezio_client.py", "--progress", "--hash", "0" * 40, code=4, naming="no torrent")
        self.helper("ezio_client", code=2, naming="--progress")


def read_until_closed(terminal):
    text = b""
    try:
        while chunk := os.read(terminal, 65536):
            text += chunk
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    return text.decode(errors="replace")


class ProtocolTest(DaemonCase):
    """What is sent to the socket."""

    def test_what_is_no_request_is_answered_and_hung_up_on(self):
        daemon = self.daemon()
        for request in (b"hello\n", b"[]\n", b"{}\n", b'{"command": "frobnicate"}\n', b'{"command": ["add"]}\n',
                        b'{"command": "__init__"}\n', b'{"command": "status", "more": 1}\n', b'{"command": "pause"}\n',
                        b'{"command": "pause", "hash": 7}\n', b'{"command": "status", "hashes": "x"}\n',
                        b'{"command": "add", "torrent": "a", "path": "/b"}\n',
                        b'{"command": "add", "torrent": "/a", "path": "/b", "seeding": 1}\n',
                        b'{"command": "add", "torrent": "/a", "path": "/b", "uploads": -1}\n',
                        b'{"command": "add", "torrent": "/a\\u0000", "path": "/b"}\n',
                        b'{"command": "add", "torrent": "/a\\n", "path": "/b"}\n',
                        b'{"command": "add", "torrent": "/' + b"a" * 5000 + b'", "path": "/b"}\n',
                        b"[" * 60000 + b"\n", b"\xff\xfe\n", b'{"command": "status"}', b"x" * 200000 + b"\n"):
            replies = self.ask_carelessly(request + b'{"command": "shutdown"}\n')
            self.assertEqual([reply["ok"] for reply in replies], [False], request[:60])
            self.assertEqual(replies[0]["code"], 2)
        self.assertTrue(daemon.running())
        self.assertEqual(self.status(), {})

    def ask_carelessly(self, request):
        """The daemon may have hung up before all is sent; what it said counts all the same."""
        try:
            return self.ask(request)
        except (BrokenPipeError, ConnectionResetError):
            return [{"ok": False, "code": 2}]

    def test_several_requests_may_come_on_one_connection(self):
        self.daemon()
        replies = self.ask(b'{"command": "version"}\n{"command": "status", "hashes": []}\n{"command": "pause", "hash": "x"}\n')
        self.assertEqual([reply["ok"] for reply in replies], [True, True, False])

    def test_clients_that_say_nothing_do_not_keep_others_out_for_long(self):
        self.daemon()
        path = os.path.join(self.runtime, "control-50051")
        silent = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(100)]
        for connection in silent:
            connection.settimeout(20)
            connection.connect(path)
        # Only so many are heard at a time; the others are turned away.
        self.assertEqual([connection.recv(1) for connection in silent[-50:]], [b""] * 50)
        for connection in silent:
            connection.close()
        self.assertEqual(self.helper("ezio_client", "--progress"), "")

    def test_only_its_owner_reaches_it(self):
        self.daemon()
        directory = self.runtime
        os.chmod(directory, 0o755)
        path = os.path.join(directory, "control-50051")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        os.chmod(path, 0o777)  # even so
        script = (f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({path!r}); "
                  "s.sendall(b'{\"command\": \"version\"}\\n'); print(s.recv(100))")
        done = run("setpriv", "--reuid", "65534", "--clear-groups", "/usr/bin/python3", "-c", script, check=False)
        self.assertNotIn("ok", done.stdout)

    def test_two_cannot_have_one_address_and_no_other_machine_is_asked(self):
        first = self.daemon()
        second = run(front("ezio"), check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn("runs already", second.stderr)
        self.assertTrue(first.running())
        for address in ("192.0.2.1:50051", "nonsense", "127.0.0.1:0", "127.0.0.1"):
            self.helper("ezio_shutdown", "-a", address, code=2, naming=address)
        self.assertTrue(first.running())

    def test_a_directory_that_others_may_write_to_is_not_used(self):
        os.chmod(self.runtime, 0o777)
        done = run(front("ezio"), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nobody else may write to", done.stderr)


class RulesTest(unittest.TestCase):
    def test_memory_is_divided_and_given_back(self):
        budget = Budget(512)
        self.assertEqual([budget.take(key, 16 << 20) for key in "abc"], [256, 128, 64])
        self.assertEqual(budget.take("d", 64 << 20), 81)  # less than that it cannot run with
        budget.give_back("a")
        self.assertEqual(budget.take("e", 16 << 20), 119)
        self.assertEqual(Budget(1 << 20).take("a", 1 << 20), 1024)

    def torrent(self, **changes):
        usual = {"is_finished": True, "is_paused": False, "is_failed": False, "total_done": 100,
                 "total_payload_upload": 0, "last_upload": -1, "finished_time": 20, "exit_code": None}
        return {**usual, **changes}

    def test_who_may_stop_serving(self):
        for changes, enough in (({}, True), ({"finished_time": 10}, False), ({"last_upload": 3}, False),
                                ({"last_upload": 16}, True), ({"finished_time": 1, "total_payload_upload": 301}, True),
                                ({"is_finished": False}, False), ({"is_paused": True}, False), ({"is_failed": True}, False)):
            self.assertEqual(follow.served_enough(self.torrent(**changes), 15, 15), enough, changes)

    def test_all_is_over_when_each_is_complete_and_stopped_or_has_failed(self):
        stopped, failed = self.torrent(is_paused=True), self.torrent(is_finished=False, is_failed=True, exit_code=4)
        for torrents, over in (([], False), ([stopped], True), ([stopped, self.torrent()], False), ([stopped, failed], True),
                               ([stopped, self.torrent(is_finished=False, is_paused=True)], False)):
            self.assertEqual(follow.is_over(torrents), over)
        self.assertEqual(follow.exit_code([stopped, failed]), 4)
        self.assertEqual(follow.exit_code([stopped]), 0)


if __name__ == "__main__":
    runner.main(check)
