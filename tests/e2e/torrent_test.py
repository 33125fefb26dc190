"""ezio-torrent as a user runs it: create, show, check. And the torrents it makes beside libtorrent's."""
import json

import libtorrent

from lib import runner
from lib.ezio import EzioCase, create_torrent, program, require_built
from lib.filesystems import FILE_SYSTEMS, Capture
from lib.proc import run
from lib.swarm import info_hash_hex
from lib.tree import make_tree

MIB = 1 << 20


class TorrentCommandTest(EzioCase):
    @classmethod
    def setUpClass(cls):
        scratch = runner.scratch()
        tree = scratch.dir("tree")
        make_tree(tree, small_files=100, large_bytes=20 << 20)
        cls.capture = Capture(FILE_SYSTEMS["ext4"], tree, scratch, name="sda1")

    def torrent(self, *source, **kwargs):
        return create_torrent(self.temp_file("sda1.torrent"), *source, name="sda1", **kwargs)

    def show(self, torrent):
        return json.loads(run(program("ezio-torrent"), "show", torrent, "--json").stdout)

    def test_a_public_torrent_has_the_info_hash_that_libtorrent_gives_clonezillas_torrents(self):
        self.assertEqual(info_hash_hex(self.torrent("--info", self.capture.info, public=True)),
                         str(self.libtorrent_info_hash()))

    def libtorrent_info_hash(self):
        """As gen-torrent-from-ptcl builds it: files NAME/OFFSET, 16 MiB pieces, hashes from torrent.info."""
        storage = libtorrent.file_storage()
        hashes, offset = [], ""
        with open(self.capture.info, encoding="ascii") as file:
            for key, _, value in (line.strip().partition(": ") for line in file):
                if key == "offset":
                    offset = value
                elif key == "length":
                    storage.add_file(f"sda1/{offset}", int(value, 16))
                elif key == "sha1":
                    hashes.append(bytes.fromhex(value))
        torrent = libtorrent.create_torrent(storage, 16 * MIB, flags=libtorrent.create_torrent.v1_only)
        for index, digest in enumerate(hashes):
            torrent.set_hash(index, digest)
        return libtorrent.torrent_info(libtorrent.bdecode(libtorrent.bencode(torrent.generate()))).info_hash()

    def test_info_and_dir_with_pieces_of_16_mib_give_the_same_torrent(self):
        self.assertEqual(info_hash_hex(self.torrent("--info", self.capture.info)),
                         info_hash_hex(self.torrent("--dir", self.capture.directory, piece_length="16MiB")))

    def test_pieces_are_as_long_as_suits_the_data_and_of_info_as_partclone_hashed_them(self):
        for source, piece_length in ((("--info", self.capture.info), 16 * MIB), (("--image", self.capture.image), MIB),
                                     (("--dir", self.capture.directory), MIB)):
            torrent = self.torrent(*source)
            self.assertEqual(self.show(torrent)["piece_length"], piece_length, source)
            run(program("ezio-torrent"), "check", torrent, self.capture.image)

    def test_a_dump_that_is_not_what_partclone_read_is_refused_whatever_the_pieces(self):
        directory = self.temp_dir("changed")
        run("cp", "-r", f"{self.capture.directory}/.", directory)
        with open(f"{directory}/{self.capture.extents[-1][0]:032x}", "r+b") as file:
            byte = file.read(1)[0]
            file.seek(0)
            file.write(bytes([byte ^ 1]))
        for flags in ((), ("--piece-length", "16MiB"), ("--piece-length", "64KiB")):
            done = run(program("ezio-torrent"), "create", "--dir", directory, "--name", "sda1", *flags,
                       "-o", self.temp_file("x.torrent"), check=False)
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn("are not what torrent.info recorded", done.stderr)

    def test_torrents_are_private_unless_public_is_asked_for(self):
        source = ("--info", self.capture.info)
        self.assertTrue(libtorrent.torrent_info(self.torrent(*source)).priv())
        self.assertFalse(libtorrent.torrent_info(self.torrent(*source, public=True)).priv())

    def test_show_says_what_the_torrent_is(self):
        torrent = self.torrent("--info", self.capture.info, announce=["http://10.0.0.1:6969/announce"])
        text = run(program("ezio-torrent"), "show", torrent).stdout
        for part in ("sda1", info_hash_hex(torrent), "http://10.0.0.1:6969/announce"):
            self.assertIn(part, text)
        self.assertIn(info_hash_hex(torrent), json.dumps(self.show(torrent)))

    def test_check_takes_image_and_directory_and_lists_bad_pieces(self):
        torrent = self.torrent("--info", self.capture.info)
        for good in (self.capture.image, self.capture.directory, self.capture.parent):
            run(program("ezio-torrent"), "check", torrent, good)
        copy = self.temp_file("copy.img")
        run("cp", "--sparse=always", self.capture.image, copy)
        with open(copy, "r+b") as file:
            file.seek(self.capture.extents[0][0] + 100)
            file.write(b"\xa5\x5a\xa5")
        done = run(program("ezio-torrent"), "check", torrent, copy, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("piece 0 is bad", done.stdout)

    def test_bad_arguments_are_usage_errors(self):
        for argv in ([], ["create"], ["show"], ["frobnicate"], ["create", "--dir", "/tmp"]):
            done = run(program("ezio-torrent"), *argv, check=False)
            self.assertEqual(done.returncode, 2, f"{argv}: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    runner.main(lambda: require_built("ezio-torrent"))
