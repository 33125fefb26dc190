"""What is in the boot image: busybox, ezio-peer, the tools of file systems, modules with their firmware, and our scripts.

In two parts. Boot loaders are slow: grub gets one kilobyte a round trip, so that what it has to load decides how long a room takes to come up.
The initramfs is what finds a network card and an address; all else the machine fetches by itself, over HTTP.
"""
import hashlib
import os
import stat
import tempfile

from . import cpio, libraries, modules
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
        self.applets = []
        self.early = set()  # what a machine needs before it has the rest

    def collect(self, extra_modules=(), additions=()):
        self._skeleton()
        self._busybox()
        for name, package in NEEDED:
            self.early |= self.program(need(name, package))
        self.program(own("ezio-peer"), "usr/bin/ezio-peer")
        self._tools()
        self._modules(extra_modules)
        self._firmware()
        self._scripts()
        for source, inner in additions:
            self._add(source, inner)

    def program(self, path, inner=None):
        """A program with its libraries, whose paths are returned. A link of Debian's alternatives becomes what it leads to."""
        real = os.path.realpath(path)
        paths = {inner or libraries.inner_path(path)}
        self.archive.copy(real, *paths, 0o755)
        for library in libraries.libraries_of(real):
            place = libraries.inner_path(library)
            if place not in self.archive:
                self.archive.copy(os.path.realpath(library), place, 0o755)
            paths.add(place)
        return paths

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
        self.early |= self.program(path, "usr/bin/busybox")
        self.applets = [name for name in applets if "/" not in name and name != "busybox"]
        for name in self.applets:
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
        # What is asked for by name may be the driver of a network card.
        self.early_modules = modules.closure(tree, modules.wanted(tree, named, modules.EARLY))
        for path in self.module_paths:
            self.archive.copy(os.path.join(self.kernel.modules, path), self._inner(path), 0o644)
        self.early |= {self._inner(path) for path in self.early_modules}
        self._module_indexes(self.archive, self.module_paths)

    def _inner(self, path):
        return f"usr/lib/modules/{self.kernel.version}/{path}"

    def _module_indexes(self, archive, paths):
        """depmod over the modules that are there, so that modprobe looks for no others."""
        depmod = need("depmod", "kmod")
        with tempfile.TemporaryDirectory(prefix="ezio-netboot-") as root:
            directory = os.path.join(root, "lib/modules", self.kernel.version)
            for path in paths:
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
                    archive.copy(path, self._inner(name), 0o644)

    def _firmware(self):
        """What the modules ask for and this server has (firmware-misc-nonfree, firmware-bnx2x, …)."""
        names, early = self._firmware_names(self.module_paths), set(self._firmware_names(self.early_modules))
        lacking = 0
        for name in names:
            source = next((os.path.join(self.kernel.firmware, name + ending) for ending in ("", ".xz", ".zst")
                           if os.path.exists(os.path.join(self.kernel.firmware, name + ending))), None)
            if source is None:
                lacking += 1
                continue
            inner = "usr/lib/firmware" + source.removeprefix(self.kernel.firmware)
            self.archive.copy(os.path.realpath(source), inner, 0o644)
            if name in early:
                self.early.add(inner)
        if lacking:
            self.notes.append(f"{lacking} of {len(names)} firmware files that modules of the image may ask for are not on this "
                              "server (Debian's firmware-* packages); few machines need one for disk and network")

    def _firmware_names(self, module_paths):
        paths = [os.path.join(self.kernel.modules, path) for path in module_paths]
        return sorted(set(output_of(need("modinfo", "kmod"), "-F", "firmware", *paths).decode().split()))

    def _scripts(self):
        for name in sorted(os.listdir(HOST_SCRIPTS)):
            data_only = name.endswith((".awk", ".txt"))
            self.archive.copy(os.path.join(HOST_SCRIPTS, name), f"usr/lib/ezio/{name}", 0o644 if data_only else 0o755)
            self.early.add(f"usr/lib/ezio/{name}")
        self.archive.link("init", "usr/lib/ezio/init")

    def _add(self, source, inner):
        if not os.path.isfile(source):
            raise Refusal(f"--add {source}: no such file")
        inner = libraries.inner_path("/" + inner.lstrip("/"))
        if os.access(source, os.X_OK):
            self.program(source, inner)
        else:
            self.archive.copy(source, inner)

    def rest(self):
        """What is fetched: all of /usr that is not in the initramfs, and what is another there."""
        rest = cpio.Archive(self.archive.mtime)
        for path, mode, _, _ in self.archive.entries():
            if path.startswith("usr/") and path not in self.early and not stat.S_ISDIR(mode) and not self._is_applet(path):
                rest.add_from(self.archive, path)
        return rest

    def _is_applet(self, path):
        return self.archive.is_link(path) and self.archive.read(path) == b"busybox"

    def initramfs(self, rest_image):
        """The part that a boot loader loads. It takes no other rest than this."""
        first = cpio.Archive(self.archive.mtime)
        for path, _, _, _ in self.archive.entries():
            if not path.startswith("usr/") or path in self.early:
                first.add_from(self.archive, path)
        for name in self.applets:
            first.link(f"usr/bin/{name}", "busybox")
        self._module_indexes(first, self.early_modules)
        with open(rest_image, "rb") as file:
            first.file("usr/lib/ezio/rest.sha256", (hashlib.sha256(file.read()).hexdigest() + "\n").encode())
        first.directory("rest")
        return first
