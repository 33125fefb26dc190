#!/usr/bin/python3
"""bench/compare in small: every section runs and its table gets into the document. Arguments: the script and the
build directory. No figure is judged here."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

DOCUMENT = "before\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n"


def compare(*arguments):
    return subprocess.run([COMPARE, "--build", BUILD, *arguments], capture_output=True, text=True, timeout=500)


class Compare(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.document = os.path.join(self.directory, "PERFORMANCE.md")
        with open(self.document, "w", encoding="utf-8") as file:
            file.write(DOCUMENT)
        self.places = ["--memory-dir", self.directory, "--disk-dir", self.directory]

    def test_measures_every_section_and_replaces_the_table(self):
        done = compare("--quick", "--output", self.document, *self.places)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.document, encoding="utf-8") as file:
            document = file.read()
        self.assertTrue(document.startswith("before\n") and document.endswith("after\n"), document)
        self.assertNotIn("old", document)
        for what in ("clone 1→1, ezio-peer", "clone 1→1, libtorrent", "clone 1→1, aria2c", "CPU-seconds per GB, leecher",
                     "CPU-seconds per GB, seed", "peak resident memory, leecher", "extents of 4 KiB–16 MiB",
                     "extents of 4–64 KiB", "SHA-1, one core, without SHA-NI", "create --image`", "check`",
                     "writer on a loop device", "blocks of 1024 KiB"):
            self.assertIn(what, document)
        self.assertEqual(os.listdir(self.directory), ["PERFORMANCE.md"])

    def test_runs_some_sections(self):
        done = compare("--quick", "--only", "hash", *self.places)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("SHA-1", done.stdout)
        self.assertNotIn("clone", done.stdout.split("|", 1)[1])

    def test_refuses_what_makes_no_sense(self):
        for arguments in (["--only", "hush"], ["--runs", "0"], ["--size", "1"], ["sda"]):
            done = compare(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)

    def test_takes_no_figures_from_a_build_that_it_cannot_judge(self):
        done = subprocess.run([COMPARE, "--build", self.directory, "--only", "hash"], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, ""))


if __name__ == "__main__":
    COMPARE, BUILD = sys.argv[1:3]
    del sys.argv[1:3]
    unittest.main(verbosity=2)
