"""What a tracker bears: whatever strangers do to it, a host that announces is served, and memory has a bound.

How long the host waited is printed, and not asserted."""
import http.client
import json
import os
import re
import resource
import threading
import time

from lib import http_harm, runner
from lib.ezio import SANITIZED, EzioCase, create_torrent, require_built
from lib.proc import wait_until
from lib.swarm import info_hash_hex

PORT = 6969
PATIENCE_S = 15  # of a host, for one request, over as many tries as it takes
MOST_MEMORY_BYTES = 256 << 20
MOST_GROWTH_BYTES = 8 << 20  # once a limit is reached: what allocators and hash tables do late
ATTACK_S = 8
FLOOD_S = 20
PEERS_AN_ADDRESS = 1024  # RegistryLimits
TORRENTS = 10_000
HOSTS = 5000  # HostLimits
HOST_PEER_ID = b"-EZ0100-honest000000"


def memory_bytes(pid, what):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(rf"{what}:\s*(\d+) kB", file.read()).group(1)) * 1024


class HonestHost:
    """Announces, and looks at /stats and /healthz, again and again."""

    def __init__(self, info_hash):
        announce = http_harm.announce_request(info_hash, HOST_PEER_ID, 6881, "&state=leeching&host=honest")
        self._paths = (announce.split(b" ")[1].decode("ascii"), "/stats", "/healthz")
        self.worst_s, self.served, self.tries, self.fault = 0, 0, 0, None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join(2 * PATIENCE_S)

    def _run(self):
        while not self._stop.wait(0.1) and self.fault is None:
            for path in self._paths:
                self._ask(path)

    def _ask(self, path):
        began = time.monotonic()
        fault = "was never tried"
        while (left := began + PATIENCE_S - time.monotonic()) > 0:
            self.tries += 1
            try:
                self._check(path, self._get(path, left))
                self.served += 1
                self.worst_s = max(self.worst_s, time.monotonic() - began)
                return
            except (OSError, http.client.HTTPException, AssertionError) as error:
                fault = repr(error)
                time.sleep(0.1)
        self.fault = f"{path[:30]}: not served within {PATIENCE_S} s: {fault}"

    @staticmethod
    def _get(path, timeout_s):
        connection = http.client.HTTPConnection(http_harm.SERVER, PORT, timeout=timeout_s)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, f"{response.status} {body[:100]!r}"
            return body
        finally:
            connection.close()

    @staticmethod
    def _check(path, body):
        if path.startswith("/announce"):
            assert b"5:peers" in body, body[:200]
        elif path == "/stats":
            json.loads(body)


class AttackCase(EzioCase):
    def start(self, info_hash, directory=None):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.running = self.tracker(port=PORT, interval_s=60, directory=directory)
        self.host = HonestHost(info_hash)
        self.addCleanup(self.host.stop)
        wait_until(lambda: self.host.served >= 3, PATIENCE_S, "the host is served before the attack")

    def peak(self):
        return memory_bytes(self.running.process.pid, "VmHWM")

    def stats(self):
        return json.loads(self.http_get(None, http_harm.SERVER, PORT, "/stats", timeout_s=60)[1])

    def under(self, *crowd, seconds=ATTACK_S):
        """The host is served while the crowd is at it, and after."""
        try:
            time.sleep(seconds)
            deeds = [one.deeds for one in crowd]
            self.judge(", ".join(type(one).__name__ for one in crowd) + f": {deeds} deeds")
        finally:
            for one in crowd:
                one.stop()
        for one, count in zip(crowd, deeds):
            self.assertGreater(count, 0, f"{type(one).__name__} did no harm at all")

    def judge(self, what):
        served = self.host.served
        wait_until(lambda: self.host.fault or self.host.served >= served + 3, 4 * PATIENCE_S, "the host is served")
        self.assertTrue(self.running.process.running())
        peak = self.peak()
        print(f"# {what}; the host was served {self.host.served} times in {self.host.tries} tries, waited "
              f"{self.host.worst_s:.2f} s at most; {peak >> 20} MiB", flush=True)
        self.assertIsNone(self.host.fault)
        if not SANITIZED:  # their shadow memory is not ours
            self.assertLessEqual(peak, MOST_MEMORY_BYTES)


class TrackerAttackTest(AttackCase):
    """Any torrent is taken: without --dir there is most room for harm."""

    def setUp(self):
        super().setUp()
        self.start(http_harm.FakePeers.info_hash)

    def test_slow_loris_from_one_address(self):
        self.under(http_harm.SlowLoris(PORT, 1000, ["127.0.0.66"]), seconds=15)

    def test_slow_loris_from_many_addresses(self):
        self.under(http_harm.SlowLoris(PORT, 6000, http_harm.addresses(100)), seconds=15)

    def test_ten_thousand_idle_connections(self):
        idle = http_harm.Silent(PORT, 10_000, http_harm.addresses(200))
        wait_until(lambda: idle.most_open > 3000, 60, lambda: f"{idle.most_open} connections are open")
        self.under(idle, seconds=20)
        print(f"# {idle.most_open} were open at once", flush=True)

    def test_ten_thousand_idle_connections_from_one_address(self):
        self.under(http_harm.Silent(PORT, 10_000, ["127.0.0.66"]), seconds=20)

    def test_ten_thousand_idle_connections_from_the_hosts_address(self):
        self.under(http_harm.Silent(PORT, 10_000, ["127.0.0.1"]), seconds=20)

    def test_random_bytes(self):
        self.under(http_harm.RandomBytes(PORT, 200, http_harm.addresses(4)))

    def test_huge_headers(self):
        self.under(http_harm.HugeHeader(PORT, 200, http_harm.addresses(4)))

    def test_percent_garbage(self):
        self.under(http_harm.PercentGarbage(PORT, 100, http_harm.addresses(4)))

    def test_pages_that_do_not_read(self):
        self.under(http_harm.DeafPages(PORT, 500, http_harm.addresses(8)), seconds=15)

    def test_more_pages_than_there_may_be(self):
        self.under(http_harm.LatePages(PORT, 1000, http_harm.addresses(20)), seconds=15)
        self.assertLessEqual(self.stats()["pages"], 64)

    def test_who_asks_and_does_not_read(self):
        for number in range(80):  # for a long reply
            self.http_get(None, http_harm.SERVER, PORT, f"/announce?info_hash={'x' * 20}&peer_id={number:020d}&port=1")
        self.under(http_harm.DeafAskers(PORT, 5000, http_harm.addresses(60)), seconds=20)

    def flood(self, kind, sources, is_full):
        """Until the limits are reached, and then on: memory does not grow any more."""
        flood = kind(PORT, sources)
        try:
            began = time.monotonic()
            wait_until(lambda: is_full(self.stats()), 300, lambda: f"full; {flood.deeds} deeds", interval_s=0.5)
            reached, deeds = time.monotonic() - began, flood.deeds
            time.sleep(3)  # a few seconds' refusals, and what is made once a second
            before = self.peak()
            time.sleep(max(0, FLOOD_S - (time.monotonic() - began)) + 2)
            self.judge(f"{kind.__name__} from {len(sources)} addresses: full after {reached:.1f} s and {deeds} replies, "
                       f"{flood.deeds} in {time.monotonic() - began:.0f} s")
            if not SANITIZED:
                self.assertLessEqual(self.peak() - before, MOST_GROWTH_BYTES, "memory grows beyond the limits")
        finally:
            flood.stop()

    def test_fake_peers_from_one_address(self):
        self.flood(http_harm.FakePeers, ["127.0.0.66"], lambda stats: stats["peers"] >= PEERS_AN_ADDRESS)

    def test_fake_peers_from_many_addresses(self):
        # Nearly as many as there may be in all: the host has room left.
        count = 40 if SANITIZED else 190
        self.flood(http_harm.FakePeers, http_harm.addresses(count),
                   lambda stats: stats["peers"] >= count * PEERS_AN_ADDRESS)

    def test_fake_torrents_from_many_addresses(self):
        self.flood(http_harm.FakeSwarms, http_harm.addresses(40),
                   lambda stats: stats["peers"] >= TORRENTS)

    def test_reports_as_large_as_they_may_be(self):
        self.flood(http_harm.FatReports, http_harm.addresses(20),
                   lambda stats: sum(len(torrent["hosts"]) for torrent in stats["torrents"]) >= HOSTS)


class TorrentAttackTest(AttackCase):
    def test_who_fetches_a_torrent_and_does_not_read(self):
        image = self.temp_file("image")
        with open(image, "wb") as file:
            file.truncate(4 << 30)  # a hole: nothing is read
        directory = self.temp_dir("torrents")
        torrent = create_torrent(os.path.join(directory, "disk.torrent"), "--image", image, name="disk",
                                 announce=["http://127.0.0.1:6969/announce"], piece_length="16KiB")
        self.start(bytes.fromhex(info_hash_hex(torrent)), directory)
        self.under(http_harm.DeafAskers(PORT, 5000, http_harm.addresses(60), path="/torrents/disk.torrent"), seconds=20)


if __name__ == "__main__":
    runner.main(lambda: require_built("ezio-tracker"))
