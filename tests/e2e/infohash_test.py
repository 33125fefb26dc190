"""The info-hash of a torrent.info is, byte for byte, the one that libtorrent gives it."""
import hashlib

import libtorrent

from lib import runner
from lib.ezio import EzioCase, create_torrent, require_built
from lib.filesystems import FILE_SYSTEMS, Capture
from lib.swarm import info_hash_hex
from lib.tree import make_tree

MIB = 1 << 20
PIECE = 16 * MIB


def libtorrent_info_hash(info_path, name="sda1"):
    """As gen-torrent-from-ptcl builds it: files NAME/OFFSET as torrent.info spells them, hashes from there."""
    storage = libtorrent.file_storage()
    storage.set_piece_length(PIECE)
    hashes, offset = [], ""
    with open(info_path, encoding="ascii") as file:
        for key, _, value in (line.strip().partition(": ") for line in file):
            if key == "offset":
                offset = value
            elif key == "length":
                storage.add_file(f"{name}/{offset}", int(value, 16))
            elif key == "sha1":
                hashes.append(bytes.fromhex(value))
    torrent = libtorrent.create_torrent(storage, PIECE, flags=libtorrent.create_torrent.v1_only)
    assert torrent.num_pieces() == len(hashes)
    for index, digest in enumerate(hashes):
        torrent.set_hash(index, digest)
    encoded = libtorrent.bencode(torrent.generate())
    return str(libtorrent.torrent_info(libtorrent.bdecode(encoded)).info_hash())


def torrent_info_text(extents, block_size=4096):
    """As partclone writes it; the hashes are of nothing in particular."""
    lines = [f"block_size: {block_size}\nblocks_total: {(extents[-1][0] + extents[-1][1]) // block_size + 10}\n"]
    total = pieces = 0

    def add_hash():
        nonlocal pieces
        lines.append(f"sha1: {hashlib.sha1(b'%d' % pieces).hexdigest()}\n")
        pieces += 1

    for offset, length in extents:
        while total >= (pieces + 1) * PIECE:
            add_hash()
        lines.append(f"offset: {offset:032x}\nlength: {length:032x}\n")
        total += length
    while total > pieces * PIECE:
        add_hash()
    return "".join(lines)


class InfoHashTest(EzioCase):
    def assert_same(self, extents, name="sda1"):
        info = self.temp_file("torrent.info")
        with open(info, "w", encoding="ascii") as file:
            file.write(torrent_info_text(extents))
        torrent = create_torrent(self.temp_file("x.torrent"), "--info", info, name=name, public=True)
        self.assertEqual(info_hash_hex(torrent), libtorrent_info_hash(info, name))

    def test_one_extent(self):
        self.assert_same([(0, 4096)])
        self.assert_same([(123 * MIB, 5 * PIECE)])

    def test_a_last_piece_that_is_full_and_one_that_has_a_byte(self):
        self.assert_same([(0, 2 * PIECE)])
        self.assert_same([(0, PIECE), (2 * PIECE, 1)])

    def test_many_extents(self):
        self.assert_same([(index * 2 * MIB, MIB - 512 * (index % 7)) for index in range(3000)])

    def test_tiny_extents_and_extents_longer_than_a_piece(self):
        self.assert_same([(index * 8192, 4096) for index in range(5000)])
        self.assert_same([(0, 3 * PIECE + 512), (1 << 40, 7 * PIECE), (1 << 50, 4096)])

    def test_names_beyond_ascii(self):
        self.assert_same([(0, 4096)], name="Platte 1 (größer)")


class PartcloneInfoHashTest(EzioCase):
    @classmethod
    def setUpClass(cls):
        cls.tree = runner.scratch().dir("tree")
        make_tree(cls.tree, small_files=200, large_bytes=40 * MIB)


def add_partclone_test(kind):
    def test(self):
        capture = Capture(FILE_SYSTEMS[kind], self.tree, runner.scratch(), name="sda1")
        for source in (("--info", capture.info), ("--dir", capture.directory)):
            torrent = create_torrent(self.temp_file("x.torrent"), *source, name="sda1", public=True,
                                     piece_length="16MiB")
            self.assertEqual(info_hash_hex(torrent), libtorrent_info_hash(capture.info))
    setattr(PartcloneInfoHashTest, f"test_a_dump_of_{kind}", test)


for file_system in FILE_SYSTEMS:
    add_partclone_test(file_system)


if __name__ == "__main__":
    runner.main(lambda: require_built("ezio-torrent"))
