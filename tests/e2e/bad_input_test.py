"""What ezio-torrent refuses: the exit code, a message that names file, field and value, and no output."""
import os
import pty
import subprocess

from lib import runner
from lib.ezio import EzioCase, program, require_built
from lib.proc import run

PIECE = 16384
MIB = 1 << 20


def encode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(encode, value)) + b"e"
    return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"


def torrent(files=(("1000", 4096),), hashes=None, **info):
    """A torrent with one change; None leaves a key out."""
    total = sum(length for _, length in files)
    hashes = -(-total // PIECE) if hashes is None else hashes
    content = {"files": [{"length": length, "path": [name]} for name, length in files], "name": "sda1",
               "piece length": PIECE, "pieces": b"h" * 20 * hashes} | info
    return encode({"info": {key: value for key, value in content.items() if value is not None}})


GOOD = torrent()
BAD_TORRENTS = {  # contents, and what the message must name
    "empty": (b"", ["empty"]),
    "truncated": (GOOD[:-1], ["ends inside"]),
    "not bencode": (b"<html><body>404</body></html>", ["not bencoded"]),
    "trailing garbage": (GOOD + b"x", ["more bytes follow"]),
    "nested a million deep": (b"l" * 10**6, ["nested deeper"]),
    "nested a million deep in info": (b"d4:info" + b"d0:" * 10**6, ["nested deeper"]),
    "string longer than the file": (b"d4:info99999999:x", ["99999999", "only 1 bytes follow"]),
    "negative integer": (torrent([("0", -5)], hashes=1), ["info.files[0].length", "-5"]),
    "overflowing integer": (torrent([("0", 1 << 63)], hashes=1), ["64-bit range"]),
    "no info": (b"d8:announce3:urle", ["info: missing"]),
    "info is a string": (b"d4:info4:spame", ["info: is a string"]),
    "no name": (torrent(name=None), ["info.name: missing"]),
    "name is an integer": (torrent(name=1), ["info.name: is an integer"]),
    "name leads out": (torrent(name="../../etc"), ["info.name", "../../etc"]),
    "no piece length": (torrent(**{"piece length": None}), ["info.piece length: missing"]),
    "odd piece length": (torrent(**{"piece length": 16385}), ["info.piece length: 16385"]),
    "small piece length": (torrent(**{"piece length": 8192}), ["info.piece length: 8192"]),
    "large piece length": (torrent(**{"piece length": 128 * MIB}), ["info.piece length: 134217728"]),
    "no pieces": (torrent(pieces=None), ["info.pieces"]),
    "pieces not a multiple of 20": (torrent(pieces=b"h" * 21), ["info.pieces: 21"]),
    "a hash too many": (torrent(hashes=2), ["info.pieces: 2 hashes", "need 1"]),
    "a hash too few": (torrent([("0", PIECE + 1)], hashes=1), ["info.pieces: 1 hashes", "need 2"]),
    "no files": (torrent([], hashes=1), ["info.files: is empty"]),
    "zero length": (torrent([("0", 0)], hashes=1), ["info.files[0].length: 0"]),
    "overlap": (torrent([("1000", 4096), ("1fff", 10)]), ["info.files[1]", "0x1fff", "overlaps"]),
    "same offset twice": (torrent([("10", 4), ("0010", 4)]), ["info.files[1]", "overlaps"]),
    "sum overflows": (torrent([("0", 1 << 62), ("4000000000000000", 1 << 62)], hashes=1),
                      ["info.files[1].length", str(1 << 62)]),
    "end overflows": (torrent([("7fffffffffffffff", 2)]), ["info.files[0]", "0x7fffffffffffffff"]),
    "v2 only": (encode({"info": {"file tree": {}, "meta version": 2, "name": "x", "piece length": PIECE}}), ["v2"]),
    "target size too small": (GOOD[:-1] + b"11:target sizei8191ee", ["target size: 8191", "8192"]),
} | {f"name {name!r}": (torrent([("0", 1), (name, 1)]), ["info.files[1].path[0]", f"'{name}'"])
     for name in ("-200", "10junk", "..", "", "0" * 33, "8" + "0" * 15, "0x10")}

EXTENT = "offset: {:032x}\nlength: {:032x}\n".format
HASH = f"sha1: {'a1' * 20}\n"
BAD_TORRENT_INFOS = {
    "empty": ("", ["no extents"]),
    "binary": ("\x7fELF", ["line 1", "\\x7fELF"]),
    "no hash": (EXTENT(0, 4096), ["0 sha1 lines", "need 1"]),
    "a hash too few": (EXTENT(0, 16 * MIB + 1) + HASH, ["1 sha1 lines", "need 2"]),
    "a hash too many": (EXTENT(0, 4096) + HASH + HASH, ["2 sha1 lines", "need 1"]),
    "half a hash": (EXTENT(0, 4096) + HASH[:20], ["line 3", "sha1", "'a1a1"]),
    "offset without length": (EXTENT(0, 4096) + HASH + "offset: 5000\n", ["0x5000", "no length"]),
    "length without offset": ("length: 1000\n" + HASH, ["line 1", "length"]),
    "bad offset": ("offset: -200\nlength: 1\n" + HASH, ["line 1", "offset", "'-200'"]),
    "zero length": (EXTENT(0, 0) + HASH, ["line 2", "length"]),
    "overlap": (EXTENT(0, 4097) + EXTENT(4096, 10) + HASH, ["extent 1", "overlaps"]),
    "beyond the size": ("block_size: 512\nblocks_total: 8\n" + EXTENT(4096, 1) + HASH, ["blocks_total", "4096"]),
    "size overflows": ("block_size: 4096\nblocks_total: 9000000000000000\n" + EXTENT(0, 1) + HASH,
                       ["blocks_total: 9000000000000000"]),
}


class BadInputTest(EzioCase):
    def torrent_command(self, *argv, code, naming):
        done = run(program("ezio-torrent"), *argv, check=False, timeout_s=30)
        self.assertEqual(done.returncode, code, f"{argv}: {done.stdout}{done.stderr}")
        for text in naming:
            self.assertIn(str(text), done.stderr)
        if code != 2:
            self.assertEqual(done.stderr.count("\n"), 1, f"one line: {done.stderr}")
            self.assertTrue(done.stderr[:-1].isprintable(), done.stderr)
        return done

    def write(self, name, contents):
        path = os.path.join(self.directory, name)
        with open(path, "wb") as file:
            file.write(contents if isinstance(contents, bytes) else contents.encode())
        return path

    def setUp(self):
        super().setUp()
        self.directory = self.temp_dir("bad")
        self.output = os.path.join(self.directory, "out.torrent")

    def create_refused(self, *argv, code, naming):
        """With no output there, and with an old one, which stays as it is."""
        for before in (None, "old"):
            if before:
                self.write("out.torrent", before)
            names = sorted(os.listdir(self.directory))
            self.torrent_command("create", *argv, "--name", "sda1", "-o", self.output, code=code, naming=naming)
            self.assertEqual(sorted(os.listdir(self.directory)), names)
            if before:
                with open(self.output, encoding="ascii") as file:
                    self.assertEqual(file.read(), before)
                os.unlink(self.output)

    def test_bad_torrents_are_exit_3(self):
        for title, (contents, naming) in BAD_TORRENTS.items():
            path = self.write(f"{title}.torrent", contents)
            self.torrent_command("show", path, code=3, naming=[path, *naming])
            self.torrent_command("check", path, "/dev/null", code=3, naming=[path, *naming])

    def test_the_torrent_that_the_bad_ones_are_made_of_is_good(self):
        run(program("ezio-torrent"), "show", self.write("good.torrent", GOOD))

    def test_a_torrent_that_cannot_be_read_is_exit_3(self):
        missing = os.path.join(self.directory, "none.torrent")
        self.torrent_command("show", missing, code=3, naming=[missing, "No such file"])
        self.torrent_command("show", self.directory, code=3, naming=[self.directory, "directory"])

    def test_bad_torrent_infos_are_exit_3(self):
        for title, (contents, naming) in BAD_TORRENT_INFOS.items():
            path = self.write(f"{title}.info", contents)
            self.create_refused("--info", path, code=3, naming=[path, *naming])

    def test_images_that_cannot_be_published_are_exit_4(self):
        empty = self.write("empty.img", b"")
        for path, reason in ((empty, "is empty"), (self.directory, "is a directory"),
                             ("/dev/null", "character device"), (f"{self.directory}/none", "No such file")):
            self.create_refused("--image", path, code=4, naming=[path, reason])

    def dump(self, **files):
        directory = self.temp_dir("dump")
        for name, contents in files.items():
            with open(os.path.join(directory, name.removeprefix("_")), "wb") as file:
                file.write(contents)
        return directory

    def test_directories_that_are_no_dump_are_exit_4(self):
        cases = ((self.dump(), "no files named by hexadecimal offsets"),
                 (self.dump(_0=b"x", notes=b"y"), "'notes'"),
                 (self.dump(_0=b"x", **{"-200": b"y"}), "'-200'"),
                 (self.dump(_0=b""), "length is 0"),
                 (self.dump(_0=b"xyz", _2=b"z"), "overlaps"),
                 (self.dump(_10=b"x", _010=b"x"), "0x10"),
                 (self.dump(_0=b"x") + "/0", "Not a directory"),
                 (self.directory + "/none", "No such file"))
        for directory, reason in cases:
            self.create_refused("--dir", directory, code=4, naming=[directory, reason])

    def test_a_dump_that_is_not_what_its_torrent_info_says_is_exit_4(self):
        info = (EXTENT(0, 4096) + EXTENT(8192, 4096) + HASH).encode()
        page = b"x" * 4096
        for files, reason in (({"_0": page}, f"{8192:032x}"),
                              ({"_0": page, "_2000": page[1:]}, "4095 bytes"),
                              ({"_0": page, "_2000": page, "_4000": page}, "4000: is not listed"),
                              ({"_0": page, "_2000": page}, "1 of 1 pieces are not what torrent.info recorded")):
            directory = self.dump(**files, **{"torrent.info": info})
            self.create_refused("--dir", directory, code=4, naming=[directory, reason])

    def test_a_bad_torrent_info_beside_the_files_is_exit_3(self):
        directory = self.dump(_0=b"x", **{"torrent.info": b"garbage"})
        self.create_refused("--dir", directory, code=3, naming=[f"{directory}/torrent.info", "'garbage'"])

    def test_an_output_that_cannot_be_written_is_exit_1_before_anything_is_hashed(self):
        image = self.write("image", b"x" * 4096)
        for output, reason in ((f"{self.directory}/none/x.torrent", "No such file"), (self.directory, "not a regular"),
                               ("/dev/null", "not a regular file")):
            self.torrent_command("create", "--image", image, "--name", "x", "-o", output, code=1,
                                 naming=[output, reason])

    def test_wrong_command_lines_are_exit_2(self):
        image = self.write("image", b"x" * 4096)
        good = ["--image", image, "--name", "x", "-o", self.output]
        for argv, naming in (
                ([], []), (["frobnicate"], []), (["show"], ["TORRENT"]), (["check", "x"], ["PATH"]),
                (["create", *good[:4]], ["--output"]), (["create", *good[2:]], ["--dir"]),
                (["create", *good[:2], *good[4:]], ["--name"]),
                (["create", *good, "--dir", self.directory], ["--dir"]),
                (["create", *good, "--announce", "udp://10.0.0.1:6969"], ["--announce", "udp://10.0.0.1:6969"]),
                (["create", *good, "--announce", "10.0.0.1"], ["--announce", "10.0.0.1"]),
                (["create", *good, "--announce", "http:///announce"], ["--announce", "no host"]),
                (["create", *good, "--piece-length", "3M"], ["--piece-length", "'3M'"]),
                (["create", *good, "--piece-length", "128MiB"], ["--piece-length", "'128MiB'"]),
                (["create", "--info", image, *good[2:], "--piece-length", "1MiB"], ["--piece-length"]),
                (["create", *good[:2], "--name", "a/../b", *good[4:]], ["--name", "'a/../b'"]),
                (["create", *good, "--frobnicate"], ["--frobnicate"])):
            self.torrent_command(*argv, code=2, naming=naming)
        self.assertFalse(os.path.exists(self.output))


class CheckTest(EzioCase):
    def setUp(self):
        super().setUp()
        self.image = self.temp_file("image")
        with open(self.image, "wb") as file:
            file.write(os.urandom(3 * MIB + 1000))
        self.torrent = self.temp_file("x.torrent")
        run(program("ezio-torrent"), "create", "--image", self.image, "--name", "x", "--piece-length", "64K",
            "--announce", "http://127.0.0.1/a", "--announce", "http://[::1]:80/b", "-o", self.torrent)

    def check(self, path, code):
        done = run(program("ezio-torrent"), "check", self.torrent, path, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def flip(self, *offsets):
        with open(self.image, "r+b") as file:
            for offset in offsets:
                file.seek(offset)
                byte = file.read(1)[0]
                file.seek(offset)
                file.write(bytes([byte ^ 1]))

    def test_a_good_image_is_exit_0(self):
        self.assertEqual(self.check(self.image, 0).stdout, f"{self.image}: 49 of 49 pieces good, 0 bad\n")

    def test_bad_pieces_are_listed_with_their_offsets_and_exit_1(self):
        self.flip(65536, 3 * MIB + 999)
        self.assertEqual(self.check(self.image, 1).stdout.splitlines(),
                         ["piece 1 is bad: 65536 bytes at offset 0x10000",
                          "piece 48 is bad: 1000 bytes at offset 0x300000",
                          f"{self.image}: 47 of 49 pieces good, 2 bad"])

    def test_a_source_that_cannot_hold_the_torrent_is_exit_4(self):
        os.truncate(self.image, 3 * MIB)
        for path, reason in ((self.image, str(3 * MIB)), ("/dev/null", "character device"), (self.temp_dir("none"), "no file")):
            done = self.check(path, 4)
            self.assertIn(path, done.stderr)
            self.assertIn(reason, done.stderr)

    def test_every_sha1_implementation_agrees(self):
        for kind in ("openssl", "avx2", "avx512"):
            done = run(program("ezio-torrent"), "check", self.torrent, self.image, env={**os.environ, "EZIO_SHA1": kind})
            self.assertIn("0 bad", done.stdout)

    def test_a_terminal_sees_progress_on_stderr_and_the_line_is_wiped(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        subprocess.run([program("ezio-torrent"), "check", self.torrent, self.image], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=slave, timeout=60, check=True)
        os.close(slave)
        seen = b""
        try:
            while chunk := os.read(master, 4096):
                seen += chunk
        except OSError:  # EIO: the other end is closed
            pass
        self.assertIn(b"%", seen)
        self.assertTrue(seen.endswith(b"\r\x1b[K"), seen)


if __name__ == "__main__":
    runner.main(lambda: require_built("ezio-torrent"))
