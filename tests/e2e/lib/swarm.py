"""What a tracker knows of a torrent's swarm, asked with a scrape."""
import re
import urllib.parse

import libtorrent

from .proc import wait_until


def info_hash_hex(torrent):
    return str(libtorrent.torrent_info(torrent).info_hash())


def scrape(case, host, address, port, torrent):
    """(seeds, leechers)."""
    query = urllib.parse.quote_from_bytes(bytes.fromhex(info_hash_hex(torrent)), safe="")
    status, body = case.http_get(host, address, port, f"/scrape?info_hash={query}")
    if status != 200:
        return None

    def count(key):
        found = re.search(rb"%d:%si(\d+)e" % (len(key), key), body)
        return int(found.group(1)) if found else 0
    return count(b"complete"), count(b"incomplete")


def wait_swarm(case, host, address, port, torrent, seeds, leechers=0, timeout_s=30):
    """Until at least that many are registered."""
    def enough():
        counts = scrape(case, host, address, port, torrent)
        return counts is not None and counts[0] >= seeds and counts[1] >= leechers
    wait_until(enough, timeout_s, lambda: f"{seeds} seeds and {leechers} leechers at the tracker, "
               f"which has {scrape(case, host, address, port, torrent)}", interval_s=0.2)
