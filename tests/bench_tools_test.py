#!/usr/bin/python3
"""`ezio-bench disk`, `net` and `clone` as an administrator runs them, in small. Argument: the program, beside
which the other programs lie. No figure is judged here."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

QUICK_DISK = ["--size", "4", "--seconds", "1"]
QUICK_NET = ["--seconds", "0.2", "--size", "16"]
QUICK_CLONE = ["--size", "48"]


def bench(*arguments, timeout=120):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha1(file.read()).hexdigest()


class Bench(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name

    def path(self, name, size=0):
        path = os.path.join(self.directory, name)
        if size:
            with open(path, "wb") as file:
                file.write(os.urandom(size))
        return path

    def report(self, *arguments):
        """The JSON object of a run that went well."""
        done = bench(*arguments, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(done.stdout.splitlines()), 1)
        return json.loads(done.stdout)

    def assert_refused(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        for word in words:
            self.assertIn(word, done.stderr)


class BenchDisk(Bench):
    def test_measures_depths_sizes_and_layouts_on_a_file_that_it_removes(self):
        report = self.report("disk", self.path("image"), *QUICK_DISK)
        self.assertEqual((report["operation"], report["size_bytes"]), ("write", 4 << 20))
        rows = report["results"]
        self.assertEqual({row["depth"] for row in rows}, {1, 4, 16, 64})
        self.assertEqual({row["request_bytes"] for row in rows}, {1 << 16, 1 << 18, 1 << 20})
        self.assertEqual(len({row["layout"] for row in rows}), 3)
        for row in rows:
            self.assertEqual(row["bytes"], (4 << 20) if row["extents"] == 1 and row["layout"] == "contiguous"
                             else 2 << 20)
            self.assertGreater(row["bytes_per_second"], 0)
        self.assertEqual(os.listdir(self.directory), [])

    def test_prints_a_table(self):
        done = bench("disk", self.path("image"), *QUICK_DISK)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("contiguous", done.stdout)
        self.assertIn("CPU-s per GB", done.stdout)

    def test_writes_to_nothing_that_is_there_without_destroy(self):
        path = self.path("image", 4 << 20)
        before = digest(path)
        self.assert_refused(bench("disk", path, *QUICK_DISK), 4, path, "--destroy")
        self.assertEqual(digest(path), before)

    def test_follows_no_dangling_link_without_destroy(self):
        link = self.path("link")
        os.symlink(self.path("elsewhere"), link)
        self.assert_refused(bench("disk", link, *QUICK_DISK), 4, "--destroy")
        self.assertEqual(os.listdir(self.directory), ["link"])

    def test_overwrites_with_destroy_and_keeps_the_file(self):
        path = self.path("image", 4 << 20)
        before = digest(path)
        self.report("disk", path, "--destroy", *QUICK_DISK)
        self.assertNotEqual(digest(path), before)

    def test_reads_without_writing(self):
        path = self.path("image", 6 << 20)
        before = digest(path)
        report = self.report("disk", path, "--read", "--size", 64, "--seconds", 1)
        self.assertEqual((report["operation"], report["size_bytes"]), ("read", 6 << 20))
        self.assertEqual(digest(path), before)

    def test_refuses_what_cannot_be_measured(self):
        self.assert_refused(bench("disk", self.path("none"), "--read"), 4, "none")
        self.assert_refused(bench("disk", self.path("small", 1000), "--read"), 4, "1000 bytes")
        self.assert_refused(bench("disk", self.directory, "--destroy"), 4, self.directory)
        self.assert_refused(bench("disk", "/dev/null", "--destroy"), 4, "/dev/null")
        for arguments in (["disk"], ["disk", "x", "--size", "1"], ["disk", "x", "--seconds", "0"]):
            self.assert_refused(bench(*arguments), 2)

    def test_removes_its_file_when_interrupted(self):
        path = self.path("image")
        process = subprocess.Popen([PROGRAM, "disk", path, "--size", "64", "--seconds", "60"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(path) or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        self.assertIn(process.wait(timeout=60), (130, 0))
        self.assertFalse(os.path.exists(path))


def wait_until(condition, timeout_s=30):
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)


class BenchNet(Bench):
    def assert_rows(self, report):
        self.assertEqual([row["block_bytes"] for row in report["results"]], [1 << 20, 1 << 18, 1 << 14])
        for row in report["results"]:
            self.assertGreater(row["bytes_per_second"], 0)

    def listen(self, *arguments):
        process = subprocess.Popen([PROGRAM, "net", "--listen", "127.0.0.1:0", "--size", "16", *arguments],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process, int(process.stderr.readline().rsplit(":", 1)[1])

    def test_measures_both_ends_on_loopback(self):
        report = self.report("net", *QUICK_NET)
        self.assertEqual(report["role"], "loopback")
        self.assert_rows(report)
        for row in report["results"]:
            self.assertGreater(row["sender_cpu_seconds_per_gb"], 0)

    def test_prints_a_table(self):
        done = bench("net", *QUICK_NET)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1024 KiB", done.stdout)

    def test_measures_between_two_programs(self):
        server, port = self.listen("--json")
        report = self.report("net", "--connect", f"localhost:{port}", *QUICK_NET)
        self.assertEqual(report["role"], "receiver")
        self.assert_rows(report)
        sent = json.loads(server.communicate(timeout=30)[0])
        self.assertEqual((server.returncode, sent["role"]), (0, "sender"))
        self.assertGreater(sent["bytes"], 0)

    def test_ends_when_no_client_comes(self):
        server, _ = self.listen("--seconds", "0.2")
        self.assertIn("no client came", server.communicate(timeout=30)[1])
        self.assertEqual(server.returncode, 1)

    def test_serves_nobody_who_speaks_something_else(self):
        server, port = self.listen()
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
            self.assertEqual(stranger.recv(1), b"")
        server.communicate(timeout=30)

    def test_believes_no_server_that_speaks_something_else(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            def answer():
                client, _ = server.accept()
                with client:
                    client.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + bytes(100))
                    while client.recv(4096):
                        pass
            thread = threading.Thread(target=answer)
            thread.start()
            done = bench("net", "--connect", f"127.0.0.1:{server.getsockname()[1]}", *QUICK_NET)
            thread.join()
        self.assert_refused(done, 1, "does not speak")

    def test_refuses_what_makes_no_sense(self):
        for arguments in (["--listen", "7000"], ["--connect", "here"], ["--seconds", "0"],
                          ["--listen", "127.0.0.1:1", "--connect", "127.0.0.1:1"]):
            self.assert_refused(bench("net", *arguments), 2)

    def test_says_when_nobody_listens(self):
        self.assert_refused(bench("net", "--connect", "127.0.0.1:1", *QUICK_NET), 1, "127.0.0.1:1")


class BenchClone(Bench):
    def test_clones_to_one_leecher_with_the_real_programs(self):
        report = self.report("clone", "--dir", self.directory, *QUICK_CLONE)
        self.assertEqual((report["bytes"], report["extents"], report["verified"]), (48 << 20, 1, True))
        self.assertEqual([process["name"] for process in report["processes"]], ["tracker", "seed", "leecher 1"])
        for process in report["processes"]:
            self.assertGreater(process["peak_resident_bytes"], 1 << 20)
        self.assertEqual(report["first_seconds"], report["last_seconds"])
        self.assertEqual(os.listdir(self.directory), [])

    def test_clones_scattered_extents_to_several_leechers(self):
        report = self.report("clone", "--dir", self.directory, "--leechers", 3, "--extents", 500, *QUICK_CLONE)
        self.assertEqual((report["extents"], report["leechers"]), (500, 3))
        self.assertLessEqual(report["first_seconds"], report["last_seconds"])

    def test_prints_a_table(self):
        done = bench("clone", "--dir", self.directory, "--extents", "contiguous", *QUICK_CLONE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("verified", done.stdout)
        self.assertIn("leecher 1", done.stdout)

    def test_writes_to_no_target_that_is_there_without_destroy(self):
        path = self.path("target", 1000)
        before = digest(path)
        self.assert_refused(bench("clone", "--target", path, *QUICK_CLONE), 4, path, "--destroy")
        self.assertEqual(digest(path), before)

    def test_clones_to_targets(self):
        targets = [self.path("target1", 1000), self.path("target2", 1000)]
        arguments = [word for target in targets for word in ("--target", target)]
        self.report("clone", "--dir", self.directory, *arguments, "--destroy", *QUICK_CLONE)
        self.assertEqual(digest(targets[0]), digest(targets[1]))
        self.assertEqual(os.path.getsize(targets[0]), 48 << 20)

    def test_reports_a_target_that_the_peer_refuses(self):
        missing = os.path.join(self.directory, "missing", "target")
        done = bench("clone", "--dir", self.directory, "--target", missing, *QUICK_CLONE)
        self.assert_refused(done, 1, "leecher 1", missing)
        self.assertEqual(os.listdir(self.directory), [])

    def test_refuses_what_makes_no_sense(self):
        for arguments in (["--extents", "0"], ["--extents", "many"], ["--leechers", "0"], ["--dir", "/missing"],
                          ["--target", "x", "--leechers", "2"], ["--size", "1", "--extents", "300"]):
            self.assert_refused(bench("clone", *arguments), 2)

    def test_leaves_nothing_behind_when_interrupted(self):
        process = subprocess.Popen([PROGRAM, "clone", "--dir", self.directory, "--size", "512"],
                                   stdout=subprocess.DEVNULL)
        wait_until(lambda: children(process.pid) or process.poll() is not None)
        pids = children(process.pid)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130)
        self.assertEqual(os.listdir(self.directory), [])
        for pid in pids:
            self.assertFalse(os.path.exists(f"/proc/{pid}"), pid)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return file.read().split()
    except FileNotFoundError:
        return []


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
