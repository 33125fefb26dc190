"""What is in the boot image: busybox, ezio-peer, the tools of file systems, modules with their firmware, and our scripts."""
import os
import tempfile

from . import libraries, modules
from .programs import find, need, output_of, own
from .refusal import Refusal

HOST_SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "host")

# Beside busybox, which has the rest: (program, package). Without the first ones nothing works.
NEEDED = [("modprobe", "kmod")]
# What --grow and --on-complete call. A tool that this server lacks is missing in the image, and said.
TOOLS = [("sfdisk", "fdisk"), ("e2fsck", "e2fsprogs"), ("resize2fs", "e2fsprogs"), ("tune2fs", "e2fsprogs"),
         ("xfs_growfs", "xfsprogs"), ("xfs_repair", "xfsprogs"), ("btrfs", "btrfs-progs"),
         ("blkid", "util-linux"), ("lsblk", "util-linux"), ("wipefs", "util-linux"), ("partx", "util-linux"),
         ("mount", "mount"), ("umount", "mount"), ("efibootmgr", "efibootmgr"), ("ntfsresize", "ntfs-3g")]
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

# Applets without which the host's scripts do not run.
APPLETS = ["sh", "awk", "sed", "ip", "udhcpc", "wget", "tftp", "mount", "setsid", "tail", "head", "sleep", "stty", "reboot", "poweroff", "hostname",
           "mkfifo", "uevent", "od", "fold", "cut", "uniq", "xargs", "tr", "sort", "cat", "cttyhack"]


class Contents:
    """Collects the archive, and what has to be said about it."""

    def __init__(self, archive, kernel):
        self.archive = archive
        self.kernel = kernel
        self.notes = []
        self.module_paths = []

    def collect(self, extra_modules=(), additions=()):
        self._skeleton()
        self._busybox()
        for name, package in NEEDED:
            self.program(need(name, package))
        self.program(own("ezio-peer"), "usr/bin/ezio-peer")
        self._tools()
        self._modules(extra_modules)
        self._firmware()
        self._scripts()
        for source, inner in additions:
            self._add(source, inner)

    def program(self, path, inner=None):
        """A program with its libraries. A link of Debian's alternatives becomes what it leads to."""
        real = os.path.realpath(path)
        self.archive.copy(real, inner or libraries.inner_path(path), 0o755)
        for library in libraries.libraries_of(real):
            place = libraries.inner_path(library)
            if place not in self.archive:
                self.archive.copy(os.path.realpath(library), place, 0o755)

    def _skeleton(self):
        for path in ("proc", "sys", "dev", "run", "tmp", "mnt", "etc", "root", "usr/bin", "usr/sbin", "usr/lib",
                     "usr/lib64", "var"):
            self.archive.directory(path)
        for name in ("bin", "sbin", "lib", "lib64"):
            self.archive.link(name, f"usr/{name}")
        self.archive.link("var/run", "/run")
        self.archive.device("dev/console", 5, 1)
        self.archive.device("dev/null", 1, 3, 0o666)
        self.archive.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        self.archive.file("etc/group", b"root:x:0:\ndisk:x:6:\ntty:x:5:\n")
        self.archive.file("etc/hosts", b"127.0.0.1 localhost\n::1 localhost\n")
        self.archive.file("etc/nsswitch.conf", b"hosts: files dns\npasswd: files\ngroup: files\n")
        self.archive.link("etc/mtab", "/proc/mounts")
        if os.path.exists(CERTIFICATES):
            self.archive.copy(CERTIFICATES, CERTIFICATES.lstrip("/"))
        else:
            self.notes.append("no certificates (ca-certificates is not installed): https:// works with --ca only")

    def _busybox(self):
        path = need("busybox", "busybox")
        applets = output_of(path, "--list").decode().split()
        lacking = [name for name in APPLETS if name not in applets]
        if lacking:
            raise Refusal(f"{path} lacks {' '.join(lacking)}: apt install busybox (busybox-static will do)")
        self.program(path, "usr/bin/busybox")
        for name in applets:
            if "/" not in name and name != "busybox":
                self.archive.link(f"usr/bin/{name}", "busybox")

    def _tools(self):
        missing = []
        for name, package in TOOLS:
            path = find(name)
            if path is None or os.path.realpath(path).endswith("/busybox"):
                missing.append(f"{name} ({package})")
                continue
            # The applet of the same name would come first in the path.
            if self.archive.is_link(f"usr/bin/{name}") or name in ("mount", "umount"):
                self.program(path, f"usr/bin/{name}")
            else:
                self.program(path)
        if missing:
            self.notes.append("not in the image, as this server lacks them: " + ", ".join(missing))

    def _modules(self, extra):
        tree = modules.ModuleTree(self.kernel.modules)
        unknown = [name for name in extra if not tree.has(name.replace("-", "_"))]
        if unknown:
            raise Refusal(f"kernel {self.kernel.version} has no module {' '.join(unknown)}")
        named = [name for name in extra if name.replace("-", "_") not in tree.builtin]
        self.module_paths = modules.closure(tree, modules.wanted(tree, named))
        lacking = modules.missing_essentials(tree, self.module_paths)
        if lacking:
            raise Refusal(f"kernel {self.kernel.version} lacks {' '.join(lacking)}: it is no kernel for every machine "
                          "(linux-image-amd64 is)")
        inner = f"usr/lib/modules/{self.kernel.version}"
        for path in self.module_paths:
            self.archive.copy(os.path.join(self.kernel.modules, path), f"{inner}/{path}", 0o644)
        self._module_indexes(inner)

    def _module_indexes(self, inner):
        """depmod over the modules that are there, so that modprobe looks for no others."""
        depmod = need("depmod", "kmod")
        with tempfile.TemporaryDirectory(prefix="ezio-netboot-") as root:
            directory = os.path.join(root, "lib/modules", self.kernel.version)
            for path in self.module_paths:
                place = os.path.join(directory, path)
                os.makedirs(os.path.dirname(place), exist_ok=True)
                os.symlink(os.path.abspath(os.path.join(self.kernel.modules, path)), place)
            for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
                if os.path.exists(os.path.join(self.kernel.modules, name)):
                    os.symlink(os.path.abspath(os.path.join(self.kernel.modules, name)), os.path.join(directory, name))
            output_of(depmod, "-b", root, self.kernel.version)
            for name in sorted(os.listdir(directory)):
                path = os.path.join(directory, name)
                if name.startswith("modules.") and not name.endswith(("order", ".modinfo")) and os.path.isfile(path):
                    self.archive.copy(path, f"{inner}/{name}", 0o644)

    def _firmware(self):
        """What the modules ask for and this server has (firmware-misc-nonfree, firmware-bnx2x, …)."""
        paths = [os.path.join(self.kernel.modules, path) for path in self.module_paths]
        names = sorted(set(output_of(need("modinfo", "kmod"), "-F", "firmware", *paths).decode().split()))
        lacking = 0
        for name in names:
            source = next((os.path.join(self.kernel.firmware, name + ending) for ending in ("", ".xz", ".zst")
                           if os.path.exists(os.path.join(self.kernel.firmware, name + ending))), None)
            if source is None:
                lacking += 1
                continue
            inner = "usr/lib/firmware" + source.removeprefix(self.kernel.firmware)
            self.archive.copy(os.path.realpath(source), inner, 0o644)
        if lacking:
            self.notes.append(f"{lacking} of {len(names)} firmware files that modules of the image may ask for are not on this "
                              "server (Debian's firmware-* packages); few machines need one for disk and network")

    def _scripts(self):
        for name in sorted(os.listdir(HOST_SCRIPTS)):
            data_only = name.endswith((".awk", ".txt"))
            self.archive.copy(os.path.join(HOST_SCRIPTS, name), f"usr/lib/ezio/{name}", 0o644 if data_only else 0o755)
        self.archive.link("init", "usr/lib/ezio/init")

    def _add(self, source, inner):
        if not os.path.isfile(source):
            raise Refusal(f"--add {source}: no such file")
        inner = libraries.inner_path("/" + inner.lstrip("/"))
        if os.access(source, os.X_OK):
            self.program(source, inner)
        else:
            self.archive.copy(source, inner)
