#!/usr/bin/python3
"""bench/pack measures what it says, of a small image.

    bench_pack_test.py BENCH BIN_DIR
"""
import json
import subprocess
import sys
import unittest

BENCH, BIN_DIR = sys.argv[1:3]


class BenchPack(unittest.TestCase):
    def test_sizes_speeds_and_costs_are_told(self):
        done = subprocess.run([BENCH, "--bin", BIN_DIR, "--dir", "/var/tmp", "--size", "64", "--runs", "1", "--json"],
                              capture_output=True, text=True, timeout=170)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        size = report["bytes"]
        self.assertEqual(size["image"], 64 << 20)
        self.assertLess(size["pack"], size["image"] * 0.8)
        self.assertAlmostEqual(report["pack_size_to_zstd"], size["pack"] / size["zstd"])
        self.assertAlmostEqual(report["pack_speed_to_zstd"], report["seconds"]["zstd"] / report["seconds"]["pack"])
        self.assertEqual(set(report["seeding_cpu_seconds"]), {"raw", "packed"})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
