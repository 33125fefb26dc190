"""The room: hosts with links of a given rate at one switch, or at two of them with a trunk between."""
import dataclasses
import os

from .lan_base import netlab

BURST_S = 0.004
LEAST_BURST = 3028  # two frames: less than one never leaves
HEADERS = {"tcp": 14 + 20 + 32, "udp": 14 + 20 + 8}  # of a frame: Ethernet, IP, TCP with timestamps or UDP


@dataclasses.dataclass
class Traffic:
    """Of one port of the switch since it was made, by the host's view."""
    sent_bytes: int
    sent_frames: int
    received_bytes: int
    received_frames: int

    def sent_payload(self, protocol="tcp"):
        return self.sent_bytes - HEADERS[protocol] * self.sent_frames


class Room(netlab.Lab):
    """Rates are in Mbit/s. Hosts without one are not shaped."""

    def __init__(self, queue_ms, racks=1, trunk=None):
        super().__init__()
        self._queue_ms = queue_ms
        # A switch does not ask the firewall of the host that plays it about every frame (a tenth of all our time).
        for family in ("iptables", "ip6tables", "arptables"):
            self.switch.run("sysctl", "-q", "-w", f"net.bridge.bridge-nf-call-{family}=0", check=False)
        if racks == 2:
            self._second_rack(trunk)
        # A file of /proc/net belongs to the namespace in which it was opened.
        self._counters = self.switch.call(lambda: os.open("/proc/thread-self/net/dev", os.O_RDONLY))

    def _second_rack(self, trunk):
        self.bridge("br1")
        self.switch.run("ip", "link", "add", "trunk0", "type", "veth", "peer", "name", "trunk1")
        for end, bridge in (("trunk0", "br0"), ("trunk1", "br1")):
            self.switch.run("ip", "link", "set", end, "master", bridge, "up")
            self._shape(self.switch, end, trunk)

    def _shape(self, namespace, device, rate):
        """TSO and its like would put 64 KiB into the queue at once."""
        namespace.run("ethtool", "-K", device, "tso", "off", "gso", "off", "gro", "off")
        if rate is not None:
            burst = max(LEAST_BURST, round(rate * 1e6 / 8 * BURST_S))
            namespace.run("tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", f"{round(rate * 1e6)}bit",
                          "burst", burst, "latency", f"{self._queue_ms}ms")

    def add(self, name, rate=None, rack=0):
        """A host; its queue up is in its own interface, that down in the switch's port."""
        host = self.host(name, f"br{rack}")
        self._shape(host, "eth0", rate)
        self._shape(self.switch, host.port, rate)
        return host

    def unplug(self, host):
        self.switch.run("ip", "link", "set", host.port, "down")

    def traffic(self):
        """Of each host, by name."""
        lines = os.pread(self._counters, 1 << 16, 0).decode("ascii").splitlines()[2:]
        ports = {name.strip(): fields.split() for name, _, fields in (line.partition(":") for line in lines)}
        result = {}
        for name, host in self.hosts.items():
            values = [int(field) for field in ports[host.port]]
            result[name] = Traffic(values[0], values[1], values[8], values[9])
        return result

    def close(self):
        os.close(self._counters)
        super().close()
