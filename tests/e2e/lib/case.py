"""The base of all end-to-end test cases: processes are stopped and shown, devices are given back."""
import http.client
import json
import os
import shutil
import unittest

from . import sandbox
from .loopdev import LoopDevice
from .proc import Process, run, wait_until
from .runner import scratch as current_scratch


class Case(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.scratch = current_scratch()
        self.log_dir = self.scratch.dir("logs")
        self.processes = []
        self._names = {}
        self.addCleanup(self._stop_processes)

    # Processes ------------------------------------------------------------------------------------

    def spawn(self, name, argv, **kwargs):
        number = self._names[name] = self._names.get(name, 0) + 1
        process = Process(name if number == 1 else f"{name}.{number}", argv, self.log_dir, **kwargs)
        self.processes.append(process)
        return process

    def _stop_processes(self):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.check_sanitizers()

    def describe_processes(self):
        """For the report of a failed test."""
        return "\n".join(process.describe() for process in self.processes)

    # Devices --------------------------------------------------------------------------------------

    def loop(self, backing_path, **kwargs):
        device = LoopDevice(backing_path, **kwargs)
        self.addCleanup(device.close)
        return device

    def temp_dir(self, name):
        """A directory that is removed after this test."""
        path = self.scratch.dir(name)
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def temp_file(self, name):
        return os.path.join(self.temp_dir(name), name)

    def mount_tmpfs(self, size_bytes):
        path = self.scratch.dir("tmpfs")
        run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "none", path)
        self.addCleanup(run, "umount", "-l", path)
        return path

    # Network --------------------------------------------------------------------------------------

    def wait_listening(self, netns, port, timeout_s=10):
        """Until something listens on the TCP port in netns (None: here)."""
        def listening():
            return run("ss", "-Hltn", f"sport = :{port}", netns=netns).stdout.strip()
        wait_until(listening, timeout_s, f"somebody listens on port {port}")

    def http_get(self, netns, address, port, path, timeout_s=10):
        """(status, body) of a GET."""
        def get():
            connection = http.client.HTTPConnection(address, port, timeout=timeout_s)
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                return response.status, response.read()
            finally:
                connection.close()
        return netns.call(get) if netns else get()

    def http_json(self, netns, address, port, path):
        status, body = self.http_get(netns, address, port, path)
        self.assertEqual(status, 200, body)
        return json.loads(body)


def require_programs(*names):
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        raise sandbox.CannotRun(f"programs missing: {' '.join(missing)} (scripts/install-deps test)")
