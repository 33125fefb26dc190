"""A cpio archive ("newc"), what the kernel unpacks as initramfs. The same entries make the same bytes: no times, owners or inodes of this server."""
import os
import stat

_TRAILER = "TRAILER!!!"


class Archive:
    """Entries by path, without a leading slash. What is added twice replaces the first."""

    def __init__(self, mtime=0):
        self.mtime = mtime
        self._entries = {}

    def __contains__(self, path):
        return path in self._entries

    def paths(self):
        return sorted(self._entries)

    def directory(self, path, mode=0o755):
        self._parents(path)
        self._entries.setdefault(path, (stat.S_IFDIR | mode, b"", 0))

    def link(self, path, target):
        self._parents(path)
        self._entries[path] = (stat.S_IFLNK | 0o777, target.encode(), 0)

    def file(self, path, data, mode=0o644):
        self._parents(path)
        self._entries[path] = (stat.S_IFREG | mode, data, 0)

    def copy(self, source, path, mode=None):
        with open(source, "rb") as file:
            data = file.read()
            executable = os.fstat(file.fileno()).st_mode & 0o111
        self.file(path, data, mode if mode is not None else 0o755 if executable else 0o644)

    def device(self, path, major, minor, mode=0o600):
        self._parents(path)
        self._entries[path] = (stat.S_IFCHR | mode, b"", (major << 32) | minor)

    def read(self, path):
        return self._entries[path][1]

    def is_link(self, path):
        return path in self._entries and stat.S_ISLNK(self._entries[path][0])

    def add_from(self, other, path):
        self._parents(path)
        self._entries[path] = other._entries[path]

    def entries(self):
        """(path, mode, data, device) in order."""
        for path in self.paths():
            mode, data, device = self._entries[path]
            yield path, mode, data, device

    def _parents(self, path):
        if path.startswith("/") or ".." in path.split("/"):
            raise ValueError(f"{path!r} is no path inside the archive")
        above = os.path.dirname(path)
        while above and above not in self._entries:
            self._entries[above] = (stat.S_IFDIR | 0o755, b"", 0)
            above = os.path.dirname(above)

    def write(self, out):
        for inode, (path, mode, data, device) in enumerate(self.entries(), start=1):
            self._entry(out, inode, path, mode, data, device)
        self._entry(out, 0, _TRAILER, 0, b"", 0)

    def _entry(self, out, inode, path, mode, data, device):
        name = path.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = [inode, mode, 0, 0, links, self.mtime, len(data), 0, 0, device >> 32, device & 0xffffffff, len(name), 0]
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
        out.write(head + b"\0" * (-len(head) % 4))
        out.write(data + b"\0" * (-len(data) % 4))
