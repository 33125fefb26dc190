"""Other people's BitTorrent programs. Each class can seed and leech, and says when it is complete.

A client is made with (case, host, torrent, parent): files lie at parent/<torrent name>[/<file>]. All run
without DHT, local discovery, peer exchange, uTP, and accept plain TCP. A torrent's own tracker is used.
"""
import json
import os
import sys

from .proc import run, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))


class Client:
    def __init__(self, case, host, torrent, parent, port=6881):
        self.case, self.host, self.torrent, self.parent, self.port = case, host, torrent, parent, port
        self.process = None

    @property
    def endpoint(self):
        return f"{self.host.address}:{self.port}"

    def wait_complete(self, timeout_s=90):
        def done():
            if not self.process.running():
                raise AssertionError(f"{self.process.name} ended: {self.process.output()[-2000:]}")
            return self.is_complete()
        wait_until(done, timeout_s, lambda: f"{self.process.name} complete", interval_s=0.2)

    def _name(self):
        return f"{type(self).__name__.lower()}-{self.host.name}"


class Libtorrent(Client):
    def start(self, peer=None):
        argv = [sys.executable, os.path.join(HERE, "lt_client.py"), self.torrent, self.parent, self.endpoint]
        argv += ["--peer", peer] if peer else []
        self.process = self.case.spawn(self._name(), argv, netns=self.host)
        return self

    def is_complete(self):
        return "complete\n" in self.process.stdout()


class Aria2(Client):
    def start(self):
        argv = ["aria2c", f"--dir={self.parent}", f"--listen-port={self.port}", "--seed-ratio=0.0",
                "--check-integrity=true", "--enable-dht=false", "--enable-dht6=false",
                "--bt-enable-lpd=false", "--enable-peer-exchange=false", "--file-allocation=none",
                "--summary-interval=1", "--no-conf=true", "--disable-ipv6=true", "--console-log-level=info",
                "--show-console-readout=false", "--download-result=hide", self.torrent]
        self.process = self.case.spawn(self._name(), argv, netns=self.host,
                                       env={"HOME": self.case.scratch.dir("home")})
        return self

    def is_complete(self):
        return " SEED(" in self.process.stdout()  # in the summary of each second


class Transmission(Client):
    def start(self):
        config = self.case.scratch.dir("transmission")
        settings = {
            "bind-address-ipv4": "0.0.0.0", "dht-enabled": False, "lpd-enabled": False, "pex-enabled": False,
            "utp-enabled": False, "encryption": 0, "peer-port": self.port, "port-forwarding-enabled": False,
            "rpc-enabled": True, "rpc-port": 9091, "rpc-bind-address": "127.0.0.1",
            "rpc-whitelist-enabled": False, "rpc-authentication-required": False, "download-dir": self.parent,
            "incomplete-dir-enabled": False, "preallocation": 0, "start-added-torrents": True,
            "ratio-limit-enabled": False, "idle-seeding-limit-enabled": False, "message-level": 3,
            "peer-congestion-algorithm": "", "scrape-paused-torrents-enabled": False,
        }
        with open(os.path.join(config, "settings.json"), "w", encoding="utf-8") as file:
            json.dump(settings, file)
        self.process = self.case.spawn(self._name(), ["transmission-daemon", "-f", "-g", config],
                                       netns=self.host, env={"HOME": config})
        wait_until(lambda: self._remote("-si", check=False).returncode == 0, 20, "transmission's RPC answers")
        self._remote("-a", self.torrent, "-w", self.parent, "-s")
        return self

    def _remote(self, *args, check=True):
        return run("transmission-remote", "127.0.0.1:9091", *args, netns=self.host, check=check, timeout_s=20)

    def is_complete(self):
        info = self._remote("-t", "1", "-i").stdout
        return "Percent Done: 100%" in info and ("State: Idle" in info or "State: Seeding" in info)


CLIENTS = (Libtorrent, Transmission, Aria2)


class Opentracker:
    """Debian's build knows only whitelisted torrents: info_hashes in hexadecimal."""

    def __init__(self, case, host, info_hashes, port=6969):
        directory = case.scratch.dir("opentracker")
        os.chmod(directory, 0o755)
        whitelist = os.path.join(directory, "whitelist.txt")
        with open(whitelist, "w", encoding="ascii") as file:
            file.writelines(f"{info_hash}\n" for info_hash in info_hashes)
        self.announce = f"http://{host.address}:{port}/announce"
        self.process = case.spawn("opentracker", ["opentracker", "-i", host.address, "-p", port, "-P", port,
                                                  "-d", directory, "-u", "nobody", "-w", "whitelist.txt"],
                                  netns=host, cwd=directory)
        case.wait_listening(host, port)
