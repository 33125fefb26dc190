#!/usr/bin/python3
"""`ezio-bench hash` as an administrator runs it. Argument: the program. No figure is judged here."""

import json
import os
import subprocess
import sys
import unittest

QUICK = ["--seconds", "0.01", "--size", "3"]


def bench(*arguments, **environment):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment})


class BenchHash(unittest.TestCase):
    def test_prints_one_json_object_with_every_implementation(self):
        done = bench("hash", "--json", *QUICK)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        report = json.loads(done.stdout)
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertEqual(report["size_bytes"], 3 << 20)
        names = [row["name"] for row in report["results"] if row["threads"] == 1]
        self.assertEqual((names[0], names[-1]), ("openssl", "engine"))
        self.assertIn(report["default"], names)
        for row in report["results"]:
            self.assertGreater(row["bytes_per_second"], 0)

    def test_prints_a_table(self):
        done = bench("hash", *QUICK)
        self.assertEqual(done.returncode, 0)
        self.assertIn("vs OpenSSL", done.stdout)
        self.assertIn("engine", done.stdout)

    def test_says_which_implementation_was_forced(self):
        report = json.loads(bench("hash", "--json", *QUICK, EZIO_SHA1="openssl").stdout)
        self.assertEqual(report["default"], "openssl")

    def test_refuses_what_makes_no_sense(self):
        for arguments in ([], ["hash", "--seconds", "0"], ["hash", "--size", "-1"], ["hash", "sda"], ["hush"]):
            done = bench(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
