#!/usr/bin/python3
"""bench/tracker in small: both sections run and say what they are to say. Arguments: the script and the directory of
the programs. No figure is judged here."""

import json
import subprocess
import sys
import tempfile
import unittest


def bench(*arguments, programs=None):
    return subprocess.run([BENCH, "--bin", programs or PROGRAMS, *arguments], capture_output=True, text=True,
                          timeout=250)


class BenchTracker(unittest.TestCase):
    def test_measures_both_sections(self):
        done = bench("--quick")
        self.assertEqual(done.returncode, 0, done.stderr)
        for what in ("a connection each", "kept alive", "opentracker's best", "CPU", "latency of an announce, p99",
                     "peak resident memory", "a day of history"):
            self.assertIn(what, done.stdout)

    def test_says_it_in_json(self):
        done = bench("--quick", "--only", "hosts", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads(done.stdout)
        self.assertEqual(len(figures["rows"]), 6)
        self.assertGreater(figures["hosts"]["medians"]["a day"]["memory_bytes"], 0)
        self.assertNotIn("announce", figures)

    def test_refuses_what_makes_no_sense(self):
        for arguments in (["--only", "hast"], ["--rounds", "0"], ["--hosts", "1001"], ["sda"]):
            done = bench(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)

    def test_needs_the_program(self):
        with tempfile.TemporaryDirectory() as empty:
            done = bench("--quick", programs=empty)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("is not built", done.stderr)


if __name__ == "__main__":
    BENCH, PROGRAMS = sys.argv[1:3]
    del sys.argv[1:3]
    unittest.main(verbosity=2)
