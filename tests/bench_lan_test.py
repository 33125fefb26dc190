#!/usr/bin/python3
"""bench/lan in small, as root: the room's clones are equal, and nothing is left when it is killed. Arguments: the
script, the directory of the programs and the simulation. Judged is only how far the two are from each other."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

SMALL = ["--hosts", "3", "--image-mib", "16", "--rate", "400"]
SVG = "{http://www.w3.org/2000/svg}"


def wait_until(condition, what, timeout_s=60):
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.05)
    return value


class LanCase(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.environment = {**os.environ, "EZIO_TEST_DIR": os.path.join(self.directory, "scratch")}
        os.mkdir(self.environment["EZIO_TEST_DIR"])

    def argv(self, *arguments, programs=None):
        return [LAN, "--bin", f"ours={programs or PROGRAMS}", *arguments]

    def lan(self, *arguments, programs=None):
        return subprocess.run(self.argv(*arguments, programs=programs), capture_output=True, text=True, timeout=200,
                              env=self.environment)

    def run_json(self, *arguments):
        done = self.lan("--json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(os.listdir(self.environment["EZIO_TEST_DIR"]), [])
        for run in report["runs"]:
            for host in run["hosts"]:
                self.assertIs(host["equal"], None if host["killed_for_good"] else True, host)
        return report


class Report(LanCase):
    def test_clones_are_equal_and_figures_sane(self):
        picture = os.path.join(self.directory, "room.svg")
        report = self.run_json(*SMALL, "--svg", picture, "--keep", os.path.join(self.directory, "logs"))
        self.assertEqual((report["options"]["hosts"], report["options"]["rate"]), (3, 400))
        self._check_row(report["medians"][0])
        run, = report["runs"]
        self._check_row(run)
        self.assertEqual([host["host"] for host in run["hosts"]], ["h1", "h2", "h3"])
        for host in run["hosts"]:
            self._check_leecher(host)
        self.assertGreaterEqual(run["seed"]["sent"], 1)
        self._check_timeline(run["timeline"])
        self._check_picture(picture)
        self.assertEqual(sorted(os.listdir(os.path.join(self.directory, "logs"))),
                         [f"ours-1-{name}.log" for name in ("h1", "h2", "h3", "seed", "tracker")])

    def _check_row(self, row):
        self.assertEqual(row["program"], "ours")
        self.assertAlmostEqual(row["ideal_s"], (16 << 20) * 8 / 400e6, places=2)
        self.assertTrue(row["ideal_s"] < row["first_s"] <= row["last_s"] <= row["room_s"], row)
        self.assertTrue(0 < row["efficiency"] < 1, row)
        self.assertTrue(1 <= row["seed_sent"] < 3.5, row)
        self.assertTrue(0 <= row["duplicate"] < 1, row)
        self.assertGreater(row["cpu_s_per_gb"], 0)
        self.assertTrue(0 < row["machine_busy"] <= 1, row)

    def _check_leecher(self, host):
        self.assertEqual((host["program"], host["rate_mbit"], host["rack"]), ("ours", 400, 0))
        self.assertAlmostEqual(host["completed_s"], host["started_s"] + host["seconds"], places=2)
        self.assertTrue(0 < host["efficiency"] < 1 and 0 <= host["sent"] < 3 and host["cpu_s"] > 0, host)
        self.assertGreaterEqual(host["claims"]["downloaded"], 16 << 20)

    def _check_timeline(self, timeline):
        count = len(timeline["seconds"])
        self.assertGreater(count, 2)
        self.assertEqual(timeline["seconds"], sorted(timeline["seconds"]))
        for name in ("sent", "received"):
            self.assertEqual(set(timeline[name]), {"seed", "h1", "h2", "h3"})
            for values in timeline[name].values():
                self.assertEqual((len(values), values), (count, sorted(values)))
        for values in timeline["progress"].values():
            self.assertEqual((len(values), values[-1]), (count, 1))

    def _check_picture(self, path):
        root = xml.etree.ElementTree.parse(path).getroot()
        self.assertEqual(root.tag, f"{SVG}svg")
        lines = root.findall(f"{SVG}polyline")
        self.assertEqual(sorted(line.get("class") for line in lines), ["host", "host", "ideal", "last"])
        self.assertIn("seed", [text.text for text in root.findall(f"{SVG}text")])

    def test_a_table_without_json(self):
        done = self.lan(*SMALL)
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in ("efficiency", "seed sent", "ours", "h3", "equal"):
            self.assertIn(word, done.stdout)


class Course(LanCase):
    def test_kills_returns_joins_and_cuts_off_the_seeder(self):
        report = self.run_json("--hosts", "4", "--image-mib", "32", "--kill", "1@1", "--kill", "2@1:1.5", "--join", "1",
                               "--cut-seeder", "once")
        run, = report["runs"]
        whats = [event["what"] for event in run["events"]]
        for what in ("h1 killed", "h2 killed", "h2 returns", "h4 joins", "seed cut off"):
            self.assertIn(what, whats)
        self.assertEqual([host["killed_for_good"] for host in run["hosts"]], [True, False, False, False])
        self.assertGreaterEqual(run["hosts"][3]["started_s"], 1)

    def test_two_racks_a_slow_host_and_extents(self):
        report = self.run_json(*SMALL, "--racks", "2", "--trunk", "200", "--slow-host", "100", "--extents", "50",
                               "--seed-source", "dir", "--join-half", "1")
        hosts = report["runs"][0]["hosts"]
        self.assertEqual([(host["rate_mbit"], host["rack"]) for host in hosts], [(100, 0), (400, 1), (400, 1)])
        self.assertEqual(max(host["ideal_s"] for host in hosts), hosts[0]["ideal_s"])

    def test_a_device_as_source_goes_when_the_bench_ends(self):
        report = self.run_json(*SMALL, "--seed-source", "device", "--compress", "auto,never")
        self.assertEqual([row["program"] for row in report["medians"]], ["ours auto", "ours never"])
        attached = [file.read_text() for file in pathlib.Path("/sys/block").glob("loop*/loop/backing_file")]
        self.assertEqual([path for path in attached if "/source/disk" in path], [])

    def test_other_programs_and_a_mix(self):
        report = self.run_json(*SMALL, "--program", "ezio,libtorrent,aria2,udpcast")
        self.assertEqual([row["program"] for row in report["medians"]], ["ours", "libtorrent", "aria2", "udpcast"])
        for run in report["runs"]:
            self.assertGreaterEqual(run["seed_sent"], 1, run["program"])
        report = self.run_json(*SMALL, "--mix", "libtorrent=1,aria2=1")
        self.assertEqual([host["program"] for host in report["runs"][0]["hosts"]], ["ours", "libtorrent", "aria2"])


class Model(LanCase):
    """The simulation says what the lab then does. The lab's links are slow, so that the machine is idle; what disturbs
    it can only make the room slower, so the best of three runs counts, and only as many as are needed are made."""

    ROOMS = (
        ["--hosts", "1", "--image-mib", "24"],
        ["--hosts", "4", "--image-mib", "64"],
        ["--hosts", "4", "--image-mib", "64", "--piece-kib", "16384"],
    )

    def test_the_simulation_predicts_the_lab(self):
        for room in self.ROOMS:
            with self.subTest(room=room):
                model = json.loads(subprocess.check_output([SIMULATION, "--json", *room, "--rate", "50"], text=True))
                self.assertTrue(model["complete"])
                for _ in range(3):
                    real = self.run_json(*room, "--rate", "50")["runs"][0]
                    if abs(real["efficiency"] - model["efficiency"]) < 0.1 * model["efficiency"]:
                        break
                self.assertAlmostEqual(real["efficiency"], model["efficiency"], delta=0.1 * model["efficiency"])
                self.assertAlmostEqual(real["seed_sent"], model["seed_sent"], delta=0.15)


class Trouble(LanCase):
    def test_refuses_what_makes_no_sense(self):
        for arguments in (["--hosts", "0"], ["--rate", "fast"], ["--piece-kib", "1000"], ["--racks", "2"],
                          ["--trunk", "10"], ["--join", "1,x"], ["--join", "1,1,1,1,1,1,1,1"], ["--kill", "9@1"],
                          ["--kill", "1"], ["--kill", "1@5:4"], ["--program", "rsync"], ["--mix", "ezio=1"],
                          ["--cut-seeder", "never"], ["--program", "udpcast", "--join", "1"], ["sda"]):
            done = self.lan(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)

    def test_says_that_programs_are_missing(self):
        done = self.lan(*SMALL, programs=self.directory)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("ezio-peer is not there", done.stderr)

    def test_finds_a_clone_that_differs(self):
        for name in ("ezio-tracker", "ezio-torrent"):
            os.symlink(os.path.join(PROGRAMS, name), os.path.join(self.directory, name))
        liar = os.path.join(self.directory, "ezio-peer")
        with open(liar, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\n[ "$1" = --leech ] || exec {PROGRAMS}/ezio-peer "$@"\n'
                       'echo "disk: complete: really"\nexec sleep 1000\n')
        os.chmod(liar, 0o755)
        done = self.lan(*SMALL, "--json", programs=self.directory)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("h1, h2, h3 differ", done.stderr)

    def test_leaves_nothing_when_it_is_killed(self):
        process = subprocess.Popen(self.argv("--hosts", "3", "--image-mib", "64"), env=self.environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        children = wait_until(lambda: running_children(process.pid, 5), "tracker, seeder and leechers run")
        spaces = {namespace(pid, kind) for pid in (process.pid, *children) for kind in ("net", "mnt")}
        spaces -= {namespace(os.getpid(), kind) for kind in ("net", "mnt")}
        self.assertGreaterEqual(len(spaces), 6)
        time.sleep(0.5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children), "its children end")
        self.assertEqual(spaces & all_namespaces(), set())
        with open("/proc/self/mounts", encoding="utf-8") as file:
            self.assertNotIn(self.environment["EZIO_TEST_DIR"], file.read())
        self.run_json(*SMALL)  # also removes the empty directory of the killed one


def running_children(pid, count):
    """The children of a process, once there are so many."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
    except OSError:
        return None
    return children if len(children) >= count else None


def namespace(pid, kind):
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return None


def all_namespaces():
    return {namespace(pid, kind) for pid in os.listdir("/proc") if pid.isdigit() for kind in ("net", "mnt")}


class Parts(unittest.TestCase):
    """What needs neither root nor programs."""

    def test_options_are_parsed(self):
        parse = lan_options
        self.assertEqual(parse.parse_join("12,12.5"), [12, 12.5])
        self.assertEqual(parse.parse_kill("3@5"), parse.Kill("h3", 5))
        self.assertEqual(parse.parse_kill("seed@5.5:10"), parse.Kill("seed", 5.5, 10))
        self.assertEqual(parse.parse_mix("libtorrent=2,aria2=1"), {"libtorrent": 2, "aria2": 1})
        self.assertEqual(parse.parse_bin("old=/a/b"), ("old", "/a/b"))
        self.assertEqual(parse.parse_bin("/a/b/"), ("b", "/a/b/"))
        self.assertEqual((parse.parse_cut("once"), parse.parse_cut("3")), ("once", 3))

    def test_extents_hold_all_data_apart_from_each_other(self):
        self.assertEqual(lan_image.scattered(1 << 20, 1), [(0, 1 << 20)])
        for count in (2, 100, 256):
            extents = lan_image.scattered(1 << 20, count)
            self.assertEqual((len(extents), sum(length for _, length in extents)), (count, 1 << 20))
            self.assertEqual(extents, lan_image.scattered(1 << 20, count))
            for (offset, length), (following, _) in zip(extents, extents[1:]):
                self.assertGreater(following, offset + length)

    def test_points_are_the_ends_of_pieces_on_the_device(self):
        points = lan_watch.Points([(4096, 4096), (16384, 8192)], 8192)
        self.assertEqual(points.pieces, [((0, 0), (1, 4096 - lan_watch.MARK)),
                                         ((1, 4096), (1, 8192 - lan_watch.MARK))])

    def test_payload_is_without_headers(self):
        self.assertEqual(lan_room.Traffic(1514, 1, 0, 0).sent_payload(), 1448)

    def test_medians_are_of_each_program(self):
        rows = [{"program": name, "ideal_s": 1, "duplicate": None, **{key: value for key in lan_result.MEDIANS
                                                                      if key != "duplicate"}}
                for name, value in (("a", 3), ("b", 9), ("a", 1), ("a", 2))]
        first, second = lan_result.medians(rows)
        self.assertEqual((first["program"], first["runs"], first["last_s"], first["duplicate"]), ("a", 3, 2, None))
        self.assertEqual((second["program"], second["runs"], second["last_s"]), ("b", 1, 9))
        self.assertEqual(lan_result.middle_run(rows, "a")["last_s"], 2)

    def test_axes_scale(self):
        axis = lan_plot.Axis(0, 20, 100, 300)
        self.assertEqual([axis(value) for value in (0, 10, 20, 30)], [100, 200, 300, 300])
        self.assertEqual(axis.ticks(5), [0, 5, 10, 15, 20])
        self.assertEqual([lan_plot.nice_step(span, 8) for span in (35, 8, 1, 0)], [5, 1, 0.2, 1])

    def test_use_of_a_link_is_a_share_of_its_rate(self):
        use = list(lan_plot.use_of_link([0, 1, 1, 2], [0, 6_250_000, 6_250_000, 31_250_000], 100))
        self.assertEqual(use, [(0, 1, 0.5), (1, 2, 1)])


if __name__ == "__main__":
    LAN, PROGRAMS, SIMULATION = sys.argv[1:4]
    del sys.argv[1:4]
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.dirname(os.path.abspath(LAN)))
    from lib import lan_image, lan_options, lan_plot, lan_result, lan_room, lan_watch
    unittest.main(verbosity=2)
