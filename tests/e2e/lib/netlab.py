"""Hosts in network namespaces on one bridge, which lives in a namespace of its own."""
import os
import threading

from . import sandbox
from .proc import run


class NetNamespace:
    """A network namespace held by a descriptor only: it has no name and ends with us."""

    def __init__(self):
        read_end, write_end = os.pipe()
        done_read, done_write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                sandbox.unshare(sandbox.CLONE_NEWNET)
                os.write(write_end, b"x")
                os.close(done_write)
                os.read(done_read, 1)  # until the parent has opened it
            finally:
                os._exit(0)
        os.close(write_end)
        os.close(done_read)
        ready = os.read(read_end, 1)
        try:
            if not ready:
                raise sandbox.CannotRun("cannot make a network namespace")
            self.fd = os.open(f"/proc/{child}/ns/net", os.O_RDONLY)
        finally:
            os.close(done_write)
            os.close(read_end)
            os.waitpid(child, 0)
        self.path = f"/proc/{os.getpid()}/fd/{self.fd}"
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *argv, **kwargs):
        return run(*argv, netns=self, timeout_s=30, **kwargs)

    def call(self, function, timeout_s=30):
        """Runs function() in a thread that is inside the namespace; returns its result."""
        outcome = {}

        def inside():
            try:
                if sandbox.libc.setns(self.fd, sandbox.CLONE_NEWNET) != 0:
                    raise OSError("setns failed")
                outcome["value"] = function()
            except BaseException as error:  # handed to the caller below
                outcome["error"] = error

        thread = threading.Thread(target=inside, daemon=True)
        thread.start()
        thread.join(timeout_s)
        if thread.is_alive():
            raise AssertionError(f"a call inside a namespace took more than {timeout_s} s")
        if "error" in outcome:
            raise outcome["error"]
        return outcome["value"]

    def close(self):
        os.close(self.fd)


class Host(NetNamespace):
    """A namespace with one interface, eth0, on the lab's bridge."""

    def __init__(self, name, address, address6):
        super().__init__()
        self.name = name
        self.address = address
        self.address6 = address6
        self.port = None  # its end of the link in the switch

    def limit_upload(self, rate):
        """E.g. "80mbit"; None takes the limit away."""
        self.run("tc", "qdisc", "del", "dev", "eth0", "root", check=False)
        if rate is not None:
            self.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "256k",
                     "latency", "100ms")


class Lab:
    """The bridge. host(name) makes a host with the next address of 10.77.0.0/24 and fd77::/64."""

    def __init__(self):
        self.switch = NetNamespace()
        self.hosts = {}
        self._next = 1
        self.bridge("br0")

    def bridge(self, name):
        self.switch.run("ip", "link", "add", name, "type", "bridge")
        self.switch.run("ip", "link", "set", name, "up")

    def host(self, name, bridge="br0"):
        if name in self.hosts:
            return self.hosts[name]
        number = self._next
        self._next += 1
        host = Host(name, f"10.77.0.{number}", f"fd77::{number:x}")
        port = host.port = f"p{number}"
        self.switch.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host.path)
        self.switch.run("ip", "link", "set", port, "master", bridge, "up")
        host.run("ip", "address", "add", f"{host.address}/24", "dev", "eth0")
        host.run("ip", "-6", "address", "add", f"{host.address6}/64", "dev", "eth0", "nodad")
        host.run("ip", "link", "set", "eth0", "up")
        self.hosts[name] = host
        return host

    def close(self):
        for host in self.hosts.values():
            host.close()
        self.switch.close()
