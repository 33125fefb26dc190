"""ezio.conf: what machines are told. KEY=value lines, of which NETBOOT_… is for the host's scripts and the rest is ezio-peer's."""
import os
import re

from .programs import output_of
from .refusal import USAGE, Refusal

ACTIONS = ("reboot", "poweroff", "shell", "stay", "menu")
# Of ezio-peer's flags those that would make something else of a machine, or of what its end means.
NOT_FOR_HOSTS = {"CONFIG", "SOURCE", "SEED", "LEECH", "JSON", "QUIET", "DRY_RUN", "HELP", "VERSION"}
PAIR = ("TORRENT", "TARGET")
NETBOOT = {"NETBOOT_HOST", "NETBOOT_NAME", "NETBOOT_ACTION", "NETBOOT_DONE", "NETBOOT_PAGE"}
OF_THE_SERVER = {"NETBOOT_HOST", "NETBOOT_DONE", "NETBOOT_PAGE"}
MOST_BYTES = 262144

_MAC = re.compile(r"[0-9a-f]{2}([-:][0-9a-f]{2}){5}")
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_KEY = re.compile(r"[A-Z][A-Z0-9_]*")
_TARGET = re.compile(r"/dev/[A-Za-z0-9_./:+-]+|(serial|wwn)=[!-~]+( [!-~]+)*")
_TORRENT_FILE = re.compile(r"(?!\.)[A-Za-z0-9._+-]{1,128}\.torrent")


def plain_mac(text):
    """52-54-00-12-34-56, or a refusal."""
    mac = text.strip().lower()
    if not _MAC.fullmatch(mac):
        raise Refusal(f"{text!r} is no MAC address (52:54:00:12:34:56)", USAGE)
    return mac.replace(":", "-")


def checked_target(text):
    if not _TARGET.fullmatch(text) or ".." in text:
        raise Refusal(f"--target {text!r}: give a device (/dev/sda), serial=… or wwn=…", USAGE)
    return text


def torrent_file_name(path):
    """The name under which the tracker serves it: it goes into URLs and files of every machine."""
    name = os.path.basename(path)
    if not _TORRENT_FILE.fullmatch(name):
        raise Refusal(f"{name!r}: call the torrent NAME.torrent, of letters, digits, '.', '_', '+' and '-'", USAGE)
    return name


def peer_keys():
    """The keys that this server's ezio-peer knows, which is the one in the image."""
    from .programs import own
    text = output_of(own("ezio-peer"), "--help").decode()
    flags = re.findall(r"--([a-z][a-z0-9-]+)", text)
    return {flag.replace("-", "_").upper() for flag in flags} | set(PAIR)


def checked_setting(line, where, keys):
    """(key, value) of one line."""
    key, equals, value = line.partition("=")
    key, value = key.strip(), value.strip()
    if not equals:
        raise Refusal(f"{where}: {line!r} is not KEY=value", USAGE)
    if not _KEY.fullmatch(key) or key in NOT_FOR_HOSTS or key not in keys | NETBOOT:
        raise Refusal(f"{where}: machines take no {key!r}" + ("; it is set by flags" if key in NOT_FOR_HOSTS else ""), USAGE)
    if not value.isprintable():
        raise Refusal(f"{where}: {key} has a value that is not printable", USAGE)
    if key == "NETBOOT_NAME" and not _HOST_NAME.fullmatch(value):
        raise Refusal(f"{where}: {value!r} is no host name", USAGE)
    if key == "NETBOOT_ACTION" and value not in ACTIONS:
        raise Refusal(f"{where}: {value!r} is none of {', '.join(ACTIONS)}", USAGE)
    if key == "TARGET":
        checked_target(value)
    return key, value


def parse(text, where, keys):
    """The (key, value) pairs of a file's text, in order."""
    pairs = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.strip().startswith("#"):
            pairs.append(checked_setting(line.strip(), f"{where}:{number}", keys))
    return pairs


def merged(common, own, where):
    """A machine's own settings over the common ones. A key that it has replaces every line of that key. TORRENT lines take all
    pairs and pins with them; TARGET lines alone are the targets of the common torrents, in their order."""
    own_keys = {key for key, _ in own}
    for key in sorted(own_keys & OF_THE_SERVER):
        raise Refusal(f"{where}: {key} is not for one machine", USAGE)
    common = [(key, value) for key, value in common if key != "NETBOOT_HOST"]
    if "TORRENT" in own_keys:
        dropped = own_keys | {*PAIR, "INFO_HASH"}
        return [pair for pair in common if pair[0] not in dropped] + list(own)
    targets = [value for key, value in own if key == "TARGET"]
    if targets:
        wanted = sum(key == "TARGET" for key, _ in common)
        if len(targets) != wanted:
            raise Refusal(f"{where}: {len(targets)} TARGET= for {wanted} torrents: give one for each, or TORRENT= and TARGET= in pairs",
                          USAGE)
        left = iter(targets)
        common = [(key, next(left) if key == "TARGET" else value) for key, value in common]
    kept = [pair for pair in common if pair[0] == "TARGET" or pair[0] not in own_keys]
    return kept + [pair for pair in own if pair[0] != "TARGET"]


def check_pairs(pairs, where):
    """As ezio-peer reads them: each TORRENT is followed by its TARGET."""
    open_torrent = False
    for key, _ in pairs:
        if key == "TORRENT" and open_torrent or key == "TARGET" and not open_torrent:
            raise Refusal(f"{where}: give TORRENT= and then its TARGET=", USAGE)
        if key in PAIR:
            open_torrent = key == "TORRENT"
    if open_torrent or not any(key == "TARGET" for key, _ in pairs):
        raise Refusal(f"{where}: a TORRENT= without its TARGET=", USAGE)


def text_of(pairs):
    text = "# Written by ezio-netboot serve.\n" + "".join(f"{key}={value}\n" for key, value in pairs)
    if len(text.encode()) > MOST_BYTES:
        raise Refusal(f"ezio.conf would be larger than {MOST_BYTES} bytes, the most that machines take", USAGE)
    return text


def own_files(directory):
    """{MAC: path} of the files of single machines, named by MAC address, with or without '.conf'."""
    files = {}
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if name.startswith(".") or name.endswith("~") or not os.path.isfile(path):
            continue
        mac = plain_mac(name.removesuffix(".conf"))
        if mac in files:
            raise Refusal(f"{path} and {files[mac]} are of the same machine", USAGE)
        files[mac] = path
    return files


def write(root, common, hosts_directory, keys):
    """Writes ROOT/ezio.conf and ROOT/ezio.conf.d/MAC. Returns the MACs that have files of their own."""
    check_pairs(common, "the flags")
    files = own_files(hosts_directory) if hosts_directory else {}
    own_directory = os.path.join(root, "ezio.conf.d")
    os.makedirs(own_directory, exist_ok=True)
    for mac, path in files.items():
        with open(path, encoding="utf-8") as file:
            result = merged(common, parse(file.read(), path, keys), path)
        check_pairs(result, path)
        _put(os.path.join(own_directory, mac), text_of(result))
    # The common one last: who reads it finds what it names.
    _put(os.path.join(root, "ezio.conf"), text_of([("NETBOOT_HOST", mac) for mac in files] + common))
    return sorted(files)


def _put(path, text):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)
