"""A raw image with holes, for tests where what is in it does not matter."""
import os
import random

import libtorrent

from .ezio import create_torrent

MIB = 1 << 20


class RawImage:
    """`data_mib` of random data in two runs with a hole between and one behind, and its torrent, which stands for
    every byte of it."""

    def __init__(self, case, data_mib=48, announce=(), name="disk", seed=1):
        self.name = name
        self.path = case.temp_file(f"{name}.img")
        self.size = (data_mib + 12) * MIB
        first = data_mib // 3
        rng = random.Random(seed)
        with open(self.path, "wb") as file:
            file.write(rng.randbytes(first * MIB))
            file.seek((first + 8) * MIB)
            file.write(rng.randbytes((data_mib - first) * MIB))
            file.truncate(self.size)
        os.sync()  # holes are seen where the data has reached the file system
        self.torrent = create_torrent(case.temp_file(f"{name}.torrent"), "--image", self.path, name=name,
                                      announce=announce)
        self.extents = torrent_extents(self.torrent)


def torrent_extents(torrent):
    """(offset, length) of each file of a torrent of offset-named files; a single file is at 0."""
    files = libtorrent.torrent_info(torrent).files()
    if files.num_files() == 1 and "/" not in files.file_path(0):
        return [(0, files.file_size(0))]
    return [(int(os.path.basename(files.file_path(i)), 16), files.file_size(i))
            for i in range(files.num_files())]
