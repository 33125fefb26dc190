"""The directory for what lives as long as a process: control sockets, links, the torrents of a tracker."""
import os
import stat


class RuntimeFault(Exception):
    pass


def directory():
    """Ours alone, made when missing. EZIO_RUNTIME_DIR, or /run/ezio-clonezilla; for others than root below theirs."""
    path = os.environ.get("EZIO_RUNTIME_DIR") or _usual()
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        status = os.lstat(path)
    except OSError as error:
        raise RuntimeFault(f"{path}: {error.strerror}") from error
    # Whoever can write there could answer for the daemon, or have us run another program.
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise RuntimeFault(f"{path}: is not a directory of our own that nobody else may write to")
    return path


def _usual():
    if os.geteuid() == 0:
        return "/run/ezio-clonezilla"
    base = os.environ.get("XDG_RUNTIME_DIR")
    return os.path.join(base, "ezio-clonezilla") if base else f"/tmp/ezio-clonezilla-{os.geteuid()}"


def link(name, target):
    """A link called `name` to a program: what is run by it has that name for ps and pkill."""
    folder = os.path.join(directory(), "names")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, name)
    if os.path.islink(path) and os.readlink(path) == target:
        return path
    temporary = f"{path}.{os.getpid()}"
    os.symlink(target, temporary)
    os.replace(temporary, path)
    return path
