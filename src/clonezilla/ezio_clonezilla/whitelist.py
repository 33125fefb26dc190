"""Which torrents of a directory a whitelist of opentracker's lets in."""
import json
import os
import re
import shutil

from . import programs

MAX_LIST_BYTES = 16 << 20
_HASH = re.compile(r"\s*([0-9a-fA-F]{40})(?![0-9a-fA-F])")


def locate(directory, path):
    """The file, or None. opentracker makes `directory` its root before it opens `path`, which takes root's rights."""
    candidate = os.path.join(directory, path.lstrip("/")) if os.geteuid() == 0 else path
    return candidate if os.path.isfile(candidate) else None


def read(path):
    """The info-hashes that a whitelist names, one a line; comments and what is no hash are passed over."""
    hashes = set()
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file.read(MAX_LIST_BYTES).splitlines():
            if found := _HASH.match(line):
                hashes.add(found.group(1).lower())
    return hashes


def torrents_by_hash(directory):
    """{info-hash: path} of the torrents in a directory. What is no torrent is said, and left out."""
    found = {}
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if not name.endswith(".torrent") or not os.path.isfile(path):
            continue
        code, output, reason = programs.run("ezio-torrent", "show", path, "--json")
        if code == 0:
            found[json.loads(output)["info_hash"]] = path
        else:
            print(f"opentracker: {reason}", flush=True)
    return found


def fill(shelf, torrents):
    """Makes `shelf` hold these torrents, under their names, and no others. Each is there whole or not at all."""
    wanted = {os.path.basename(path): path for path in torrents}
    for name in os.listdir(shelf):
        if name not in wanted:
            os.unlink(os.path.join(shelf, name))
    for name, path in wanted.items():
        partial = os.path.join(shelf, f".{name}")
        shutil.copyfile(path, partial)
        os.replace(partial, os.path.join(shelf, name))
