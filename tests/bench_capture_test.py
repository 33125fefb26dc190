#!/usr/bin/python3
"""bench/capture measures what it says, of a small disk.

    bench_capture_test.py BENCH BIN_DIR
"""
import json
import subprocess
import sys
import unittest

BENCH, BIN_DIR = sys.argv[1:3]


class BenchCapture(unittest.TestCase):
    def test_rates_are_told_of_all_three(self):
        done = subprocess.run([BENCH, "--bin", BIN_DIR, "--dir", "/var/tmp", "--size", "32", "--runs", "1", "--json"],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertGreater(report["bytes"], 32 << 20)
        self.assertLess(report["bytes"], 48 << 20)
        self.assertEqual(set(report["mb_per_s"]), {"capture", "partclone -t", "hashing"})
        slowest = min(report["mb_per_s"]["partclone -t"], report["mb_per_s"]["hashing"])
        self.assertAlmostEqual(report["capture_to_slowest"], report["mb_per_s"]["capture"] / slowest)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
