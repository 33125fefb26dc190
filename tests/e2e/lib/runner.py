"""Runs the test cases of a program inside the sandbox and reports in TAP.

    clone_test.py [PATTERN …]    PATTERN: part of a test's name, as unittest's -k

Where the tests cannot run (no root, no loop devices) they are reported as skipped, in CI as failed.
"""
import os
import signal
import sys
import time
import traceback
import unittest

from . import loopdev, sandbox

IN_CI = os.environ.get("CI") == "true"

_scratch = None


def scratch():
    return _scratch


class _TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0

    def _line(self, ok, test):
        self.number += 1
        name = test.id().removeprefix("__main__.").replace("#", "")
        print(f"{'ok' if ok else 'not ok'} {self.number} - {name}", flush=True)

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        print(f"# {time.monotonic() - self._began:.1f} s", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._line(True, test)

    def _report(self, test, error):
        self._line(False, test)
        text = "".join(traceback.format_exception(*error))
        if hasattr(test, "describe_processes"):
            text += test.describe_processes()
        for line in text.splitlines():
            print(f"#   {line}", flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._report(test, error)

    def addError(self, test, error):
        if error[0] is sandbox.CannotRun and not IN_CI:
            self.number += 1
            print(f"ok {self.number} - {test.id().removeprefix('__main__.')} # SKIP {error[1]}", flush=True)
            return
        super().addError(test, error)
        self._report(test, error)

    def addSkip(self, test, reason):
        # No end-to-end test skips itself; the runner alone decides that, for all of a program's tests.
        self.addFailure(test, (AssertionError, AssertionError(f"skipped: {reason}"), None))


def _cannot_run(reason):
    if IN_CI:
        print(f"1..1\nnot ok 1 - {os.path.basename(sys.argv[0])} cannot run here: {reason}")
        return 1
    print(f"1..0 # SKIP {reason}")
    return 0


def main(check=lambda: None):
    """check() raises CannotRun for what this program needs beyond a sandbox and loop devices."""
    global _scratch
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that clean-up runs
    try:
        sandbox.enter_namespaces()
        reason = loopdev.available()
        if reason:
            raise sandbox.CannotRun(reason)
        check()
    except sandbox.CannotRun as error:
        sys.exit(_cannot_run(error))
    _scratch = sandbox.Scratch()
    try:
        loader = unittest.TestLoader()
        if sys.argv[1:]:
            loader.testNamePatterns = [f"*{pattern}*" for pattern in sys.argv[1:]]
        suite = loader.loadTestsFromModule(sys.modules["__main__"])
        result = _TapResult()
        suite.run(result)
        print(f"1..{result.number}", flush=True)
        failed = not result.wasSuccessful() or result.number == 0
    finally:
        _scratch.remove()
    sys.exit(1 if failed else 0)
