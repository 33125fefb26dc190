"""Hosts that run Debian's Clonezilla with our programs in place of what it calls.

Each has its own /dev (where a partition can be called sda1), /home/partimag, /var/log and /run, its own network, and its
own processes: what the scripts leave running, or end by its name, is of that host only, and ends with the test.
"""
import os

from . import extents, runner
from .case import require_programs
from .ezio import BIN_DIR, EzioCase, create_torrent, require_built
from .filesystems import FILE_SYSTEMS, Capture
from .proc import run, wait_until
from .tree import make_tree

FRONTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "src", "clonezilla")
FRONTS = os.path.realpath(FRONTS)
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "loop-control", "fuse")

# The host's first process; it has the pid 1 there. $1 is the host's directory.
_BEGIN = r"""
set -e
host=$1
mount -t tmpfs none /home
mkdir /home/partimag
for place in dev var/log run home/partimag; do
  mount --bind "$host/${place##*/}" "/$place"
done
for file in "$host"/files/*; do
  mount --bind "$file" "$(cat "$host/places/${file##*/}")"
done
touch "$host/ready"
while :; do sleep 3600; done  # and takes leave of those whose parents have ended
"""


def front(name):
    """The path of what we put in the place of a program that Clonezilla calls."""
    return os.path.join(FRONTS, name)


def check():
    """For runner.main."""
    require_built()
    require_programs("ocs-btsrv", "ocs-gen-bt-metainfo", "transmission-edit", "nc", "vmstat", "strings", "bc", "unshare", "nsenter",
                     "partclone.extfs", "partclone.vfat", "mcopy", "fsck.vfat", "e2fsck")


class ClonezillaHost:
    """directory: for what is its own. netns: its network; None for that of the test."""

    def __init__(self, case, directory, netns=None):
        self.case, self.directory, self.netns = case, directory, netns
        for name in ("dev", "log", "run", "partimag", "files", "places"):
            os.mkdir(os.path.join(directory, name))
        os.mkdir(self.path("log/clonezilla"))
        self._inside = None  # the pid of its first process, once there is one
        self.environment = {"EZIO_BIN_DIR": BIN_DIR, "EZIO_RUNTIME_DIR": "/run/ezio-clonezilla", "LANG": "C",
                            "TERM": "dumb"}
        for name in DEVICES:
            if os.path.exists(f"/dev/{name}"):
                run("cp", "-a", f"/dev/{name}", self.path(f"dev/{name}"))
        self.change("/etc/drbl/drbl-ocs.conf", lambda text: f"{text}\nPATH={FRONTS}:$PATH\n")

    def path(self, name):
        return os.path.join(self.directory, name)

    def change(self, place, edit):
        """This host's version of a file of the machine."""
        with open(place, encoding="utf-8") as file:
            text = file.read()
        changed = edit(text)
        if changed == text:
            raise AssertionError(f"{place} is not what the test takes it for")
        name = place.strip("/").replace("/", "-")
        with open(self.path(f"files/{name}"), "w", encoding="utf-8") as file:
            file.write(changed)
        os.chmod(self.path(f"files/{name}"), os.stat(place).st_mode & 0o7777)
        with open(self.path(f"places/{name}"), "w", encoding="utf-8") as file:
            file.write(place)

    def add_device(self, name, device):
        """`device` is called /dev/NAME there."""
        path = self.path(f"dev/{name}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.mknod(path, os.stat(device).st_mode, os.stat(device).st_rdev)

    def begin(self):
        init = self.case.spawn("host", ["unshare", "-m", "-p", "-f", "--kill-child", "--mount-proc", "bash", "-c", _BEGIN,
                                        "host", self.directory], netns=self.netns)
        wait_until(lambda: os.path.exists(self.path("ready")), 60, lambda: f"{self.directory}: {init.output()}")
        with open(f"/proc/{init.pid}/task/{init.pid}/children", encoding="ascii") as file:
            self._inside = file.read().split()[0]

    def command(self, *argv):
        if self._inside is None:
            self.begin()
        return ["nsenter", "-t", self._inside, "-m", "-p", "--wdns=/home/partimag", "--", *argv]

    def run(self, *argv, check=True, timeout_s=60):
        return run(*self.command(*argv), netns=self.netns, env={**os.environ, **self.environment}, check=check,
                   timeout_s=timeout_s)

    def spawn(self, name, *argv, tty=None):
        return self.case.spawn(name, self.command(*argv), netns=self.netns, env=self.environment, tty=tty)

    def log(self, name):
        with open(self.path(f"log/{name}"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def names(self):
        """Of the processes that run there, as ps has them."""
        return self.run("ps", "-A", "--no-headers", "-o", "comm").stdout.split()


class _Captures(dict):
    """Partitions of partclone's by name, made when they are asked for."""

    def __missing__(self, name):
        if not hasattr(self, "tree"):
            self.tree = runner.scratch().dir("tree")
            make_tree(self.tree, small_files=100, large_bytes=12 << 20)
        kind = {"sda1": "ext4", "sda2": "vfat"}[name]
        self[name] = Capture(FILE_SYSTEMS[kind], self.tree, runner.scratch(), name=name)
        return self[name]


class ClonezillaCase(EzioCase):
    captures = _Captures()  # for all cases of a program

    def setUp(self):
        super().setUp()
        os.environ["EZIO_RUNTIME_DIR"] = self.temp_dir("runtime")  # of what runs on no host

    def new_host(self, name, lab=None):
        return ClonezillaHost(self, self.temp_dir(name), lab.host(name) if lab else None)

    def torrent_of(self, capture, announce=()):
        return create_torrent(self.temp_file(f"{capture.name}.torrent"), "--info", capture.info, name=capture.name,
                              announce=announce)

    def target(self, capture, size=None):
        backing = self.temp_file("target.img")
        extents.fill_pattern(backing, size or capture.size)
        return self.loop(backing)

    def assert_cloned(self, target, capture):
        target.close()
        extents.assert_clone(target.backing_path, capture.image, capture.extents)
