"""`partclone_create_torrent.py` and `opentracker`, called as Clonezilla calls them."""
import os
import signal
import urllib.parse

import libtorrent

from lib import runner
from lib.clonezilla import ClonezillaCase, check, front
from lib.ezio import create_torrent, program
from lib.proc import run, wait_until
from lib.swarm import info_hash_hex


class PartcloneTorrentTest(ClonezillaCase):
    def create(self, *argv, **kwargs):
        return run(front("partclone_create_torrent.py"), *argv, check=False, **kwargs)

    def reference(self, info_path, name):
        """The info-hash that libtorrent gives the torrent which the original makes of this."""
        files = libtorrent.file_storage()
        hashes = []
        with open(info_path, encoding="ascii") as file:
            for line in file:
                key, _, value = line.strip().partition(": ")
                if key == "offset":
                    offset = value
                elif key == "length":
                    files.add_file(f"{name}/{offset}", int(value, 16))
                elif key == "sha1":
                    hashes.append(bytes.fromhex(value))
        torrent = libtorrent.create_torrent(files, 16 << 20, flags=libtorrent.create_torrent.v1_only)
        for index, digest in enumerate(hashes):
            torrent.set_hash(index, digest)
        return str(libtorrent.torrent_info(torrent.generate()).info_hashes().v1)

    def test_the_torrent_is_that_of_the_original_program(self):
        info = self.captures["sda1"].info
        for name in ("sda1", "vg/lv"):
            output = self.temp_file("made.torrent")
            done = self.create("-p", name, "-c", "Clonezilla", "-i", info, "-o", output, "-t", "http://192.0.2.1:6969/announce")
            self.assertEqual(done.returncode, 0, done.stderr)
            made = libtorrent.torrent_info(output)
            self.assertEqual(str(made.info_hash()), self.reference(info, name))
            self.assertEqual([tracker.url for tracker in made.trackers()], ["http://192.0.2.1:6969/announce"])

    def test_the_scripts_find_the_address_of_the_tracker_in_it(self):
        output = self.temp_file("made.torrent")
        self.create("-p", "sda1", "-c", "x", "-i", self.captures["sda1"].info, "-o", output,
                    "-t", "http://192.0.2.1:6969/announce")
        found = run("bash", "-c", "strings \"$0\" | grep -Eo ':announce[[:digit:]]+:http://[[:digit:]\\.:]+.*announce[[:digit:]]+:'",
                    output).stdout
        self.assertIn("http://192.0.2.1:6969/announce", found)

    def test_from_standard_input_and_without_a_tracker(self):
        output = self.temp_file("made.torrent")
        with open(self.captures["sda1"].info, encoding="ascii") as file:
            done = self.create("-p", "sda1", "-c", "x", "-o", output, input=file.read())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(list(libtorrent.torrent_info(output).trackers()), [])

    def test_names_that_lead_astray_and_files_that_are_none_are_told(self):
        info, output = self.captures["sda1"].info, self.temp_file("made.torrent")
        for argv, code in ((["-p", "vg/../lv", "-i", info], 2), (["-p", "/dev/sda1", "-i", info], 2),
                           (["-p", "sda1", "-i", "/nowhere/torrent.info"], 3), (["-p", "sda1", "-i", front("ezio")], 3)):
            done = self.create(*argv, "-c", "x", "-o", output)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertNotEqual(done.stderr, "")
        self.assertFalse(os.path.exists(output))

    def test_slices_of_a_logical_volume_are_found_below_its_name(self):
        capture = self.captures["sda1"]
        torrent = self.temp_file("lv.torrent")
        self.assertEqual(self.create("-p", "vg/lv", "-c", "x", "-i", capture.info, "-o", torrent).returncode, 0)
        parent = self.temp_dir("zone")
        os.mkdir(os.path.join(parent, "vg"))
        os.symlink(capture.directory, os.path.join(parent, "vg", "lv"))
        run(program("ezio-torrent"), "check", torrent, parent)
        self.assertIn('"name":"vg/lv"', run(program("ezio-torrent"), "show", torrent, "--json").stdout)


class TrackerFrontTest(ClonezillaCase):
    """`opentracker`."""

    def setUp(self):
        super().setUp()
        self.shelf = self.temp_dir("shelf")
        self.runtime = os.environ["EZIO_RUNTIME_DIR"]
        self.torrents = [create_torrent(os.path.join(self.shelf, f"{name}.torrent"), "--info", self.captures[name].info,
                                        name=name, announce=["http://192.0.2.1/announce"]) for name in ("sda1", "sda2")]
        self.hashes = [info_hash_hex(torrent) for torrent in self.torrents]

    def start(self, *flags, port=6969):
        tracker = self.spawn("opentracker", [front("opentracker"), "-p", port, "-d", self.shelf, *flags])
        self.wait_listening(None, port)
        return tracker

    def whitelist(self, *lines):
        with open(os.path.join(self.shelf, "whitelist.txt"), "w", encoding="ascii") as file:
            file.write("".join(f"{line}\n" for line in lines))

    def accepted(self, port=6969):
        """Whether an announce of each torrent is."""
        answers = []
        for info_hash in self.hashes:
            query = urllib.parse.quote_from_bytes(bytes.fromhex(info_hash), safe="")
            _, body = self.http_get(None, "127.0.0.1", port, f"/announce?info_hash={query}&peer_id={'x' * 20}"
                                    "&port=6881&uploaded=0&downloaded=0&left=0")
            answers.append(b"failure reason" not in body)
        return answers

    def test_a_whitelist_that_is_missing_lets_in_what_is_in_the_directory(self):
        tracker = self.start("-w", "/etc/opentracker/whitelist.txt")
        self.assertEqual(self.accepted(), [True, True])
        self.assertIn("there is no whitelist /etc/opentracker/whitelist.txt", tracker.stdout())
        os.unlink(self.torrents[0])
        wait_until(lambda: self.accepted() == [False, True], 20, "the end of a torrent that was removed")

    def test_one_that_names_none_does_too(self):
        self.whitelist("# what the scripts leave where they have no libtorrent")
        self.start("-w", "/whitelist.txt")
        self.assertEqual(self.accepted(), [True, True])

    def test_it_lets_in_what_it_names_and_is_read_again_at_sighup_only(self):
        self.whitelist("# of sda1", self.hashes[0].upper(), "f" * 40)
        tracker = self.start("-w", "/whitelist.txt")
        self.assertEqual(self.accepted(), [True, False])
        self.assertIn("f" * 40, tracker.stdout())
        # As the scripts do: the same file, for the next partition's tracker.
        self.whitelist(self.hashes[1])
        self.start("-w", "/whitelist.txt", port=6971)
        self.assertEqual(self.accepted(6971), [False, True])
        self.assertEqual(self.accepted(), [True, False])
        tracker.send(signal.SIGHUP)
        wait_until(lambda: self.accepted() == [False, True], 20, "the whitelist's other torrent")
        os.unlink(os.path.join(self.shelf, "whitelist.txt"))
        tracker.send(signal.SIGHUP)
        wait_until(lambda: "nothing changed" in tracker.stdout(), 10, "a word on the list that is gone")
        self.assertEqual(self.accepted(), [False, True])

    def test_it_ends_when_told_and_leaves_nothing(self):
        self.whitelist(self.hashes[0])
        tracker = self.start("-w", "/whitelist.txt")
        self.assertEqual(tracker.stop(), 143)
        self.assertEqual(os.listdir(self.runtime), ["names"])
        host = self.new_host("host")
        outright = host.spawn("opentracker", front("opentracker"), "-p", "6969", "-d", self.shelf)
        wait_until(lambda: "listening" in outright.stdout(), 10, "a tracker")
        self.assertEqual(set(host.names()) & {"opentracker", "ezio-tracker", "python3"}, {"opentracker"})
        self.assertEqual(host.run("pgrep", "-f", "^ezio", check=False).stdout, "")
        host.run("kill", "-9", host.run("pgrep", "-o", "opentracker").stdout.strip())
        wait_until(lambda: "opentracker" not in host.names(), 10, lambda: f"an end of {host.names()}")

    def test_a_port_that_is_taken_is_told(self):
        self.start()
        done = run(front("opentracker"), "-p", 6969, "-d", self.shelf, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("6969", done.stderr)


if __name__ == "__main__":
    runner.main(check)
