"""How the daemon's memory is divided among torrents that come one by one.

A peer's memory is given when it starts, and nobody knows how many more will come. So each gets half of what is left, but
never less than what it needs to run. That may exceed the budget a little where there are many.
"""
MIB = 1 << 20
MOST_MIB = 1024  # more is of no use to a peer
SPARE_MIB = 16   # beside one piece: buffers to serve from


class Budget:
    def __init__(self, total_mib):
        self.total_mib = total_mib
        self._taken = {}
        self._least = {}

    def take(self, key, piece_bytes):
        """MiB for a torrent. A piece length of 0: that of the last time."""
        if piece_bytes:
            self._least[key] = piece_bytes // MIB + SPARE_MIB + 1
        self._taken.pop(key, None)
        left = self.total_mib - sum(self._taken.values())
        self._taken[key] = max(min(left // 2, MOST_MIB), self._least[key])
        return self._taken[key]

    def give_back(self, key):
        self._taken.pop(key, None)
