"""The control room of a real deployment: what the tracker shows, keeps, logs and says at the end. On loopback."""
import json
import os
import re
import signal

from lib import runner
from lib.case import require_programs
from lib.ezio import EzioCase, create_torrent, program, require_built
from lib.proc import run, wait_until
from lib.rawimage import RawImage

TOKEN = "a-secret-token"
LOST_AFTER_S = 30  # three reports of a second each, with patience


def get(case, tracker, path):
    return case.http_get(tracker.host, tracker.address, tracker.port, path)


class ControlCase(EzioCase):
    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=24)
        self.directory = self.temp_dir("room")

    def room(self, *flags, **kwargs):
        return self.tracker(flags=["--report-interval", "1", *flags], **kwargs)

    def path(self, name):
        return os.path.join(self.directory, name)

    def events(self):
        with open(self.path("log"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def seed_room(self, tracker, **kwargs):
        return self.seed(self.image.torrent, self.image.path, tracker=tracker.announce, **kwargs)

    def clone(self, tracker, target, *flags, **kwargs):
        return self.leech(self.image.torrent, target, tracker=tracker.announce, flags=list(flags), **kwargs)

    def wait_host(self, tracker, target, state, timeout_s=60):
        """The host with that target, once it is in that state."""
        def found():
            for host in tracker.hosts():
                if [one["path"] for one in host["targets"]] == [target] and host["state"] == state:
                    return host
            return None
        return wait_until(found, timeout_s, lambda: f"{target} {state}: {tracker.hosts()}")


class ShownTest(ControlCase):
    def test_a_host_is_followed_to_its_end_and_one_that_is_killed_is_lost(self):
        tracker = self.room()
        self.seed_room(tracker, flags=["--upload-limit", "8"])
        first, second = self.temp_file("first.img"), self.temp_file("second.img")
        self.clone(tracker, first, "--linger", "forever")
        killed = self.clone(tracker, second, "--download-limit", "0.5")
        leeching = self.wait_host(tracker, second, "leeching")
        self.assertEqual(leeching["pieces"], self.wait_host(tracker, self.image.path, "seeding")["pieces"])
        self.assertTrue(leeching["reports"])
        self.assertRegex(leeching["version"], r"^\d+\.\d+")
        done = self.wait_host(tracker, first, "done")
        self.assertEqual((done["have"], done["verified"], done["left"]), (done["pieces"], done["pieces"], 0))
        self.assertEqual(done["reused"] + done["fetched"] + done["zeroed"], done["pieces"])
        killed.process.kill()
        lost = self.wait_host(tracker, second, "lost", LOST_AFTER_S)
        self.assertEqual(lost["last_state"], "leeching")
        self.assertRegex(tracker.stats()["summary"], r"^1 of 2 done, \S+ lost at \d+ %$")

    def test_one_that_is_refused_its_target_and_one_whose_disk_is_full_say_why(self):
        tracker = self.room()
        self.seed_room(tracker)
        refused = self.path("nowhere/target.img")
        self.leech(self.image.torrent, refused, tracker=tracker.announce).wait_exit(4)
        self.assertIn("does not exist", self.wait_host(tracker, refused, "failed")["error"])
        full = self.full_device()
        self.clone(tracker, full.path).wait_exit(1)
        self.assertIn(full.path, self.wait_host(tracker, full.path, "failed")["error"])

    def full_device(self):
        """A loop device whose backing store takes less than it promises."""
        folder = self.mount_tmpfs(self.image.size // 2)
        backing = os.path.join(folder, "backing.img")
        with open(backing, "wb") as file:
            file.truncate(self.image.size)
        return self.loop(backing)

    def test_a_client_of_others_is_shown_by_its_bytes(self):
        tracker = self.room()
        query = ("/announce?info_hash=%01%02%03%04%05%06%07%08%09%0A%0B%0C%0D%0E%0F%10%11%12%13%14"
                 "&peer_id=-XX0000-000000000000&port=6881&uploaded=5&downloaded=25&left=75")
        self.assertEqual(get(self, tracker, query)[0], 200)
        (host,) = tracker.hosts()
        self.assertEqual((host["reports"], host["state"], host["progress"]), (False, "leeching", 0.25))

    def test_the_page_its_data_and_what_is_asked_for_by_head(self):
        tracker = self.room(directory=os.path.dirname(self.image.torrent))
        status, page = get(self, tracker, "/")
        self.assertEqual(status, 200)
        self.assertIn(b"no host to be cloned yet", page)
        self.assertEqual(get(self, tracker, "/healthz"), (200, b"ok\n"))
        name = os.path.basename(self.image.torrent)
        self.assertIn(name.encode(), get(self, tracker, "/torrents/")[1])
        for path in ("/", "/stats", "/metrics", "/healthz", f"/torrents/{name}"):
            head = run("curl", "-sSI", tracker.url + path).stdout
            self.assertIn("200 OK", head, path)
            length = int(re.search(r"(?i)content-length: (\d+)", head).group(1))
            self.assertGreater(length, 0)


class KeptTest(ControlCase):
    def test_a_tracker_that_is_killed_and_started_again_is_not_noticed(self):
        flags = ["--state", self.path("state"), "--log", self.path("log")]
        tracker = self.room(*flags)
        self.seed_room(tracker, flags=["--upload-limit", "4"])
        targets = [self.temp_file(f"{i}.img") for i in range(3)]
        early = self.clone(tracker, targets[0], "--linger", "0")
        early.wait_exit(0)
        running = [self.clone(tracker, target, "--linger", "10") for target in targets[1:]]
        for target in targets[1:]:
            self.wait_host(tracker, target, "leeching")
        wait_until(lambda: len([e for e in self.events() if e["event"] == "joined"]) == 4, 20, "logged")
        before = {host["id"]: host for host in tracker.hosts()}
        # The state is written within a second of an event.
        wait_until(lambda: os.path.exists(self.path("state")) and
                   all(one in open(self.path("state"), encoding="utf-8").read() for one in before), 20, "kept")
        tracker.process.kill()
        tracker = self.room(*flags)
        after = {host["id"]: host for host in tracker.hosts()}
        self.assertEqual(set(after), set(before))
        self.assertEqual([host["state"] for host in after.values() if host["targets"] and
                          host["targets"][0]["path"] == targets[0]], ["done"])
        self.assertGreater(len(tracker.stats()["torrents"][0]["rate_curve"]), 0)
        for peer, target in zip(running, targets[1:]):
            peer.wait_exit(0)
            run("cmp", "-n", str(self.image.size), self.image.path, target)
        for target in targets[1:]:
            self.assertEqual(self.wait_host(tracker, target, "done")["id"],
                             [one["id"] for one in before.values() if one["targets"] and
                              one["targets"][0]["path"] == target][0])
        joined = [event["id"] for event in self.events() if event["event"] == "joined"]
        self.assertEqual(len(joined), len(set(joined)), "nobody joins twice")
        self.assertEqual(tracker.process.stop(), 143)
        self.assertEqual({host["id"] for host in self.room(*flags).hosts()}, set(before))

    def test_a_state_that_cannot_be_used_is_kept_aside(self):
        with open(self.path("state"), "w", encoding="utf-8") as file:
            file.write('{"ezio_tracker_state": 1, "torrents": [{}]}')
        tracker = self.room("--state", self.path("state"))
        self.assertIn("cannot be used", tracker.process.stderr())
        self.assertTrue(os.path.exists(self.path("state.unusable")))

    def test_files_that_cannot_be_written_are_refused_at_the_start(self):
        for flag in ("--state", "--report", "--log"):
            done = run(program("ezio-tracker"), "--listen", "127.0.0.1:6969", flag, "/nowhere/file", check=False)
            self.assertEqual(done.returncode, 4, flag)
            self.assertIn("/nowhere", done.stderr)

    def test_a_log_on_a_full_disk_is_told_once_and_hosts_are_served(self):
        tracker = self.room("--log", "/dev/full")
        for i in range(3):
            get(self, tracker, f"/announce?info_hash={i}")
            wait_until(lambda: "cannot write /dev/full" in tracker.process.stderr(), 20, "told")
        self.assertEqual(tracker.process.stderr().count("cannot write"), 1)
        self.assertEqual(get(self, tracker, "/healthz")[0], 200)


class EndTest(ControlCase):
    """--expect, --on-complete, --report, --exit-when-done."""

    def complete(self, *flags):
        script = self.path("command")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nenv >"{self.path("env")}"\necho "$@" >"{self.path("arguments")}"\n')
        os.chmod(script, 0o755)
        return self.room("--on-complete", f"{script} 'all done' $HOME", "--report", self.path("report"),
                         "--log", self.path("log"), "--exit-when-done", *flags)

    def facts(self):
        with open(self.path("env"), encoding="utf-8") as file:
            return dict(line.rstrip("\n").split("=", 1) for line in file if line.startswith("EZIO_"))

    def test_every_host_verified_is_exit_0(self):
        tracker = self.complete("--expect", "2")
        self.seed_room(tracker)
        for i in range(2):
            self.clone(tracker, self.temp_file(f"{i}.img"), "--linger", "0").wait_exit(0)
        self.assertEqual(tracker.process.wait(30), 0)
        facts = self.facts()
        self.assertEqual((facts["EZIO_OK"], facts["EZIO_DONE"], facts["EZIO_SUMMARY"]), ("1", "2", "2 of 2 done"))
        with open(self.path("arguments"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "all done $HOME\n", "there is no shell")
        self.assertIn("2 of 2 done\n", tracker.process.stdout())
        with open(self.path("report"), encoding="utf-8") as file:
            report = json.load(file)
        self.assertEqual(report["verdict"],
                         {"complete": True, "ok": True, "expected": 2, "done": 2, "failed": 0, "lost": 0, "missing": []})
        self.assertEqual([e["event"] for e in self.events() if e["event"] == "done"], ["done", "done"])

    def test_a_host_that_failed_is_exit_6_and_named(self):
        tracker = self.complete("--expect", "2")
        self.seed_room(tracker)
        self.leech(self.image.torrent, self.path("no/where.img"), tracker=tracker.announce).wait_exit(4)
        self.clone(tracker, self.temp_file("good.img"), "--linger", "0").wait_exit(0)
        self.assertEqual(tracker.process.wait(30), 6)
        facts = self.facts()
        self.assertEqual((facts["EZIO_OK"], facts["EZIO_FAILED"]), ("0", "1"))
        self.assertEqual(facts["EZIO_FAILED_HOSTS"], os.uname().nodename[:64])
        self.assertRegex(tracker.process.stdout(), r"1 of 2 done, \S+ failed: .*no/where.img")
        (failed,) = [e for e in self.events() if e["event"] == "failed"]
        self.assertIn("no/where.img", failed["error"])

    def test_hosts_that_are_expected_by_name_and_do_not_come_keep_it_open(self):
        with open(self.path("hosts"), "w", encoding="utf-8") as file:
            file.write(f"{os.uname().nodename}\nsomebody-else\n")
        tracker = self.complete("--expect-hosts", self.path("hosts"))
        self.seed_room(tracker)
        target = self.temp_file("good.img")
        self.clone(tracker, target, "--linger", "0").wait_exit(0)
        self.wait_host(tracker, target, "done")
        verdict = tracker.stats()["verdict"]
        self.assertEqual((verdict["complete"], verdict["missing"]), (False, ["somebody-else"]))
        self.assertEqual(tracker.process.stop(), 143)
        self.assertIn("somebody-else was not seen", tracker.process.stdout())
        self.assertFalse(os.path.exists(self.path("env")))

    def test_a_command_that_still_runs_when_more_hosts_are_done_is_not_run_twice(self):
        tracker = self.room("--on-complete", "sleep 15", "--expect", "1")
        self.seed_room(tracker)
        self.clone(tracker, self.temp_file("first.img"), "--linger", "0").wait_exit(0)
        wait_until(lambda: "1 of 1 done" in tracker.process.stdout(), 30, "complete")
        # At work for longer than a second, so that the tracker sees that it is not over.
        self.clone(tracker, self.temp_file("second.img"), "--linger", "0", "--download-limit", "8").wait_exit(0)
        wait_until(lambda: "sleep still runs" in tracker.process.stderr(), 30, "told")
        self.assertEqual(get(self, tracker, "/healthz")[0], 200)

    def test_a_command_that_fails_or_is_not_there_is_told(self):
        for command, text in (("false", "false exited with 1"), ("/nowhere/at-all", "cannot run /nowhere/at-all")):
            tracker = self.room("--on-complete", command, "--expect", "1", "--exit-when-done")
            self.seed_room(tracker, name=f"seed {text[:5]}")
            self.clone(tracker, self.temp_file("good.img"), "--linger", "0").wait_exit(0)
            self.assertEqual(tracker.process.wait(30), 1)
            self.assertIn(text, tracker.process.stderr())


class StatusTest(ControlCase):
    def status(self, *arguments):
        return run(program("ezio-tracker"), "status", *arguments, check=False)

    def test_the_table_and_the_exit_code_say_how_it_stands(self):
        tracker = self.room("--expect", "1")
        self.assertEqual(self.status(tracker.url, "--once").returncode, 7)
        self.seed_room(tracker)
        target = self.temp_file("good.img")
        self.clone(tracker, target, "--linger", "0").wait_exit(0)
        self.wait_host(tracker, target, "done")
        shown = self.status(tracker.url)
        self.assertEqual(shown.returncode, 0)
        self.assertRegex(shown.stdout, rf"1 of 1 done\n.*\n  \S+ +done +100\.0 %.*{re.escape(target)}\n")
        asked = self.status(tracker.url + "/", "--json")
        self.assertTrue(json.loads(asked.stdout)["verdict"]["ok"])
        self.leech(self.image.torrent, self.path("no/where.img"), tracker=tracker.announce).wait_exit(4)
        self.assertEqual(self.status(tracker.url).returncode, 6)
        tracker.process.stop()
        gone = self.status(tracker.url)
        self.assertEqual(gone.returncode, 1)
        self.assertIn("ezio-tracker: ", gone.stderr)

    def test_a_terminal_is_drawn_until_the_end(self):
        tracker = self.room("--expect", "1")
        self.seed_room(tracker)
        live, screen = self.on_terminal([program("ezio-tracker"), "status", tracker.url])
        wait_until(lambda: "0 of 1 done" in screen(), 20, screen)
        self.clone(tracker, self.temp_file("good.img"), "--linger", "0").wait_exit(0)
        self.assertEqual(live.wait(30), 0)
        self.assertIn("1 of 1 done", screen())

    def test_ctrl_c_ends_it(self):
        tracker = self.room()
        live, screen = self.on_terminal([program("ezio-tracker"), "status", tracker.url])
        wait_until(lambda: "no host" in screen(), 20, screen)
        live.send(signal.SIGINT)
        self.assertEqual(live.wait(20), 130)

    def on_terminal(self, argv):
        """A process whose output is a terminal, and what asks for all that it has written."""
        ours, theirs = os.openpty()
        self.addCleanup(os.close, ours)
        os.set_blocking(ours, False)
        process = self.spawn("status", argv, tty=theirs)
        os.close(theirs)
        text = []

        def screen():
            try:
                while True:
                    text.append(os.read(ours, 65536).decode())
            except OSError:
                return "".join(text)
        return process, screen


class TokenTest(ControlCase):
    def test_who_has_none_sees_nothing_and_clones_all_the_same(self):
        tracker = self.room("--token", TOKEN, directory=os.path.dirname(self.image.torrent))
        for path in ("/", "/stats", "/metrics", "/events", "/room.js", "/stats?token=wrong"):
            self.assertEqual(get(self, tracker, path)[0], 401, path)
        self.assertEqual(get(self, tracker, "/torrents/")[0], 200)
        self.seed_room(tracker)
        self.clone(tracker, self.temp_file("good.img"), "--linger", "0").wait_exit(0)
        refused = run(program("ezio-tracker"), "status", tracker.url, check=False)
        self.assertEqual(refused.returncode, 1)
        with open(self.path("token"), "w", encoding="utf-8") as file:
            file.write(TOKEN + "\n")
        shown = run(program("ezio-tracker"), "status", tracker.url, "--token-file", self.path("token"), check=False)
        self.assertIn("1 of 1 done", shown.stdout)
        wrong = run(program("ezio-tracker"), "status", tracker.url, "--token", "another-token", check=False)
        self.assertNotIn("token=", wrong.stderr)


class WatchedTest(ControlCase):
    def test_torrents_come_and_go_without_a_restart(self):
        folder = self.temp_dir("torrents")
        tracker = self.room(directory=folder)
        path = os.path.join(folder, "late.torrent")
        self.assertEqual(get(self, tracker, "/torrents/late.torrent")[0], 404)
        with open(self.image.torrent, "rb") as file:
            torrent = file.read()
        with open(path, "wb") as file:  # slowly, as a copy over the network
            file.write(torrent[:len(torrent) // 2])
            file.flush()
            get(self, tracker, "/torrents/")
            file.write(torrent[len(torrent) // 2:])
        wait_until(lambda: get(self, tracker, "/torrents/late.torrent") == (200, torrent), 20, "served")
        with open(os.path.join(folder, "broken.torrent"), "wb") as file:
            file.write(b"d4:infoi1ee")
        with open(os.path.join(folder, "huge.torrent"), "wb") as file:
            file.truncate(1 << 40)
        wait_until(lambda: "broken.torrent" in tracker.process.stderr() and "huge.torrent" in tracker.process.stderr(),
                   20, "told")
        self.assertEqual(get(self, tracker, "/torrents/late.torrent")[0], 200)
        os.unlink(path)
        wait_until(lambda: get(self, tracker, "/torrents/late.torrent")[0] == 404, 20, "gone")

    def test_torrents_announce_to_where_the_server_is(self):
        folder = self.temp_dir("torrents")
        create_torrent(os.path.join(folder, "disk.torrent"), "--image", self.image.path, name="disk",
                       announce=["http://192.0.2.1:9/announce"])
        tracker = self.room("--announce-url", "http://127.0.0.1:6969/announce", directory=folder)
        url = f"{tracker.url}/torrents/disk.torrent"
        self.seed(url, self.image.path)
        target = self.temp_file("good.img")
        self.leech(url, target, flags=["--linger", "0"]).wait_exit(0)
        run("cmp", "-n", str(self.image.size), self.image.path, target)


class MetricsTest(ControlCase):
    def test_prometheus_understands_and_scrapes_them(self):
        tracker = self.room("--expect", "2")
        self.seed_room(tracker)
        target = self.temp_file("good.img")
        self.clone(tracker, target, "--linger", "0").wait_exit(0)
        self.wait_host(tracker, target, "done")
        text = get(self, tracker, "/metrics")[1].decode()
        checked = run("promtool", "check", "metrics", input=text)
        self.assertEqual(checked.stdout + checked.stderr, "")
        with open(self.path("prometheus.yml"), "w", encoding="utf-8") as file:
            file.write("scrape_configs: [{job_name: ezio, scrape_interval: 1s, "
                       f"static_configs: [{{targets: ['127.0.0.1:{tracker.port}']}}]}}]\n")
        self.spawn("prometheus", ["prometheus", f"--config.file={self.path('prometheus.yml')}",
                                  f"--storage.tsdb.path={self.path('data')}", "--web.listen-address=127.0.0.1:9393"])

        def scraped():
            answer = run("curl", "-sS", "http://127.0.0.1:9393/api/v1/query?query=up", check=False).stdout
            return answer.startswith("{") and [one["value"][1] for one in json.loads(answer)["data"]["result"]] == ["1"]
        wait_until(scraped, 60, "scraped")


def require():
    require_built()
    require_programs("promtool", "prometheus", "curl")


if __name__ == "__main__":
    runner.main(require)
