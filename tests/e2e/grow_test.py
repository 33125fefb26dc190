"""Last works: what a host does to its disk when it has served others, and what its tracker says meanwhile."""
import hashlib
import json
import os
import shutil
import signal
import stat

from lib import runner
from lib.case import require_programs
from lib.disks import MIB, Disk, Part
from lib.extents import fill_pattern
from lib.ezio import EzioCase, Peer, create_torrent, program, require_built
from lib.filesystems import FILE_SYSTEMS
from lib.grown import assert_grown, file_system_bytes, table
from lib.proc import run, wait_until
from lib.rawimage import RawImage
from lib.tree import make_tree

ROOM = 64 * MIB  # by which targets are larger

LAYOUTS = {
    "ext4": ("gpt", {1: Part(4, "U"), 2: Part(None, "L", fs=FILE_SYSTEMS["ext4"])}, 96),
    "xfs": ("dos", {1: Part(4, "83"), 2: Part(None, "5"), 5: Part(4, "83"),
                    6: Part(None, "83", fs=FILE_SYSTEMS["xfs"])}, 336),
    "btrfs": ("gpt", {1: Part(None, "L", fs=FILE_SYSTEMS["btrfs"])}, 176),
    "vfat": ("dos", {1: Part(4, "83"), 2: Part(None, "c", fs=FILE_SYSTEMS["vfat"])}, 112),
}


def digest(path, size=None):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read(size or -1)).hexdigest()


class WorksCase(EzioCase):
    def setUp(self):
        super().setUp()
        self.directory = self.temp_dir("works")

    def path(self, name):
        return os.path.join(self.directory, name)

    def room(self, *flags):
        return self.tracker(flags=["--report-interval", "1", "--log", self.path("log"), *flags])

    def events(self):
        with open(self.path("log"), encoding="utf-8") as file:
            return [json.loads(line)["event"] for line in file]

    def script(self, text):
        path = self.path("command")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def host(self, tracker, target):
        for host in tracker.hosts():
            if [one["path"] for one in host["targets"]] == [target]:
                return host
        return None

    def wait_host(self, tracker, target, state, timeout_s=30):
        def there():
            host = self.host(tracker, target)
            return host if host and host["state"] == state else None
        return wait_until(there, timeout_s, lambda: f"{target} {state}: {self.host(tracker, target)}")


class GrowTest(WorksCase):
    @classmethod
    def setUpClass(cls):
        cls.images = {}
        cls.tree = runner.scratch().dir("tree")
        make_tree(cls.tree, small_files=60, large_bytes=4 << 20)

    def image(self, kind):
        """Made once, and its torrent, of every byte of it."""
        if kind not in self.images:
            label, parts, size_mib = LAYOUTS[kind]
            image = Disk(self.scratch.file(f"{kind}.img"), label, parts, size_mib, self.scratch, self.tree)
            image.torrent = create_torrent(self.scratch.file(f"{kind}.torrent"), "--image", image.path, name=kind)
            self.images[kind] = image
        return self.images[kind]

    def larger(self, image, room=ROOM):
        path = self.path("target.img")
        with open(path, "wb") as file:
            file.truncate(image.size() + room)
        return path

    def grow(self, image, target, code=0):
        return self.grow_from(image.torrent, image.path, target, code)

    def grow_from(self, torrent, source, target, code=0):
        seeder = self.seed(torrent, source, port=self.next_port())
        leecher = self.leech(torrent, target, peers=[f"127.0.0.1:{seeder.port}"], flags=["--grow", "--linger", 0])
        leecher.wait_exit(code)
        seeder.process.stop()
        return leecher

    ports = iter(range(17000, 17100))

    def next_port(self):
        return next(GrowTest.ports)

    def test_ext4_behind_a_gpt_on_a_larger_disk(self):
        image = self.image("ext4")
        backing = self.larger(image)
        device = self.loop(backing, partitions=True)
        leecher = self.grow(image, device.path)
        leecher.stderr_line(r"partition 2 is enlarged from \d+ to \d+ bytes")
        leecher.stderr_line(r"the ext4 file system of partition 2 is enlarged from \d+ to \d+ bytes")
        device.close()
        entries = assert_grown(self, image, backing)
        self.assertEqual(entries[1], table(image.path)[0][1] | {"node": entries[1]["node"]})

    def test_a_partition_that_somebody_looks_at_is_made_larger_in_the_kernel(self):
        image = self.image("ext4")
        backing = self.larger(image)
        run("sfdisk", "--quiet", backing, input=run("sfdisk", "--dump", image.path).stdout)
        device = self.loop(backing, partitions=True)
        part = device.partition(2)
        with open(part, "rb"):  # so that the kernel cannot reread the whole table
            self.grow(image, device.path).stderr_line("the ext4 file system of partition 2 is enlarged")
            size = int(run("blockdev", "--getsize64", part).stdout)
        device.close()
        entries = assert_grown(self, image, backing)
        self.assertEqual(size, entries[2]["size"] * 512)

    def test_a_captured_disk_whose_unused_blocks_were_not_cloned(self):
        image = self.image("ext4")
        torrent = self.temp_file("captured.torrent")
        source = self.loop(image.path, read_only=True)
        run(program("ezio-torrent"), "capture", source.path, "--name", "lab", "-o", torrent)
        backing = self.path("target.img")
        fill_pattern(backing, image.size() + ROOM)
        self.grow_from(torrent, source.path, backing).stderr_line("the ext4 file system of partition 2 is enlarged")
        assert_grown(self, image, backing)

    def test_xfs_in_a_logical_partition_and_a_disk_without_partition_devices(self):
        image = self.image("xfs")
        backing = self.larger(image)
        device = self.loop(backing)
        self.grow(image, device.path)
        device.close()
        entries = assert_grown(self, image, backing)
        ends = {number: entry["start"] + entry["size"] for number, entry in entries.items()}
        self.assertEqual(ends[2], ends[6], "the extended partition ends elsewhere")
        self.assertEqual(self.link_end(backing, entries[2]["start"]), ends[6])

    def link_end(self, path, extended):
        """Where the second logical partition ends by the first one's extended boot record."""
        with open(path, "rb") as file:
            file.seek(extended * 512 + 446 + 16 + 8)
            raw = file.read(8)
        return extended + int.from_bytes(raw[:4], "little") + int.from_bytes(raw[4:], "little")

    def test_btrfs_in_an_image_file(self):
        image = self.image("btrfs")
        target = self.larger(image, room=128 * MIB)  # the kernel's btrfs resizes to no less than 256 MiB
        self.grow(image, target)
        assert_grown(self, image, target)

    def test_a_second_run_changes_nothing(self):
        image = self.image("ext4")
        target = self.larger(image)
        self.grow(image, target)
        grown = self.path("grown.img")
        shutil.copyfile(target, grown)
        torrent = create_torrent(self.temp_file("grown.torrent"), "--image", grown, name="grown")
        leecher = self.grow_from(torrent, grown, target)
        leecher.stderr_line(r"nothing to enlarge: partition 2 ends where the disk does")
        self.assertEqual(digest(target), digest(grown))

    def test_where_there_is_no_room_nothing_is_touched(self):
        image = self.image("ext4")
        target = self.larger(image, room=0)
        self.grow(image, target).stderr_line("nothing to enlarge")
        self.assertEqual(digest(target), digest(image.path))

    def test_what_cannot_be_enlarged_is_left_with_its_partition(self):
        image = self.image("vfat")
        target = self.larger(image)
        self.grow(image, target).stderr_line(r"partition 2 \(vfat\) is left as it is")
        self.assertEqual(digest(target, image.size()), digest(image.path))

    def test_a_partition_as_target_has_its_file_system_enlarged(self):
        fs = FILE_SYSTEMS["ext4"]
        source = self.path("part.img")
        with open(source, "wb") as file:
            file.truncate(40 * MIB)
        fs.mkfs(source)
        torrent = create_torrent(self.temp_file("part.torrent"), "--image", source, name="part")
        backing = self.path("disk.img")
        with open(backing, "wb") as file:
            file.truncate(104 * MIB)
        run("sfdisk", "--quiet", backing, input="label: gpt\nsize=80MiB,type=L\n")
        disk = self.loop(backing, partitions=True)
        before = table(backing)
        device = disk.partition(1)
        self.grow_from(torrent, source, device)
        fs.fsck(device)
        self.assertEqual(file_system_bytes(device, "ext4", self.scratch), 80 * MIB)
        disk.close()
        self.assertEqual(table(backing), before)

    def test_a_tool_that_fails_is_named_with_its_last_words(self):
        image = self.image("ext4")
        fake = self.temp_dir("fake")
        with open(os.path.join(fake, "resize2fs"), "w", encoding="ascii") as file:
            file.write("#!/bin/sh\necho trying >&2\necho cannot do that >&2\nexit 3\n")
        os.chmod(os.path.join(fake, "resize2fs"), 0o755)
        path = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        os.environ["PATH"] = f"{fake}:{path}"
        leecher = self.grow(image, self.larger(image), code=1)
        leecher.stderr_line(r"--grow: .*target\.img: resize2fs exited with 3: cannot do that$")

    def test_a_dry_run_says_what_would_come(self):
        image = self.image("ext4")
        target = self.larger(image)
        said = self.run_peer("--dry-run", "--leech", image.torrent, target, "--grow", "--on-complete", "/bin/fix it")
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertRegex(said.stdout, rf"would be enlarged by about {ROOM} bytes")
        self.assertIn("at the end this would be run: /bin/fix it", said.stdout)


class CommandTest(WorksCase):
    def setUp(self):
        super().setUp()
        self.image = RawImage(self, data_mib=8)
        self.target = self.path("target.img")

    def clone(self, tracker, *flags, target=None, name=None):
        return self.leech(self.image.torrent, target or self.target, tracker=tracker.announce, name=name,
                          flags=list(flags))

    def seed_room(self, tracker, **kwargs):
        return self.seed(self.image.torrent, self.image.path, tracker=tracker.announce, **kwargs)

    def test_a_command_sees_its_facts_and_its_words_are_passed_on(self):
        tracker = self.room()
        self.seed_room(tracker)
        command = self.script('env | grep ^EZIO_ | sort; echo "to stderr" >&2; wc -c </dev/stdin')
        leecher = self.clone(tracker, "--linger", 0, "--on-complete", command)
        leecher.wait_exit(0)
        lines = leecher.process.stderr().splitlines()
        facts = dict(line.split("=", 1) for line in lines if line.startswith("EZIO_"))
        self.assertEqual(facts["EZIO_TARGET"], self.target)
        self.assertEqual(facts["EZIO_NAME"], self.image.name)
        self.assertEqual(int(facts["EZIO_BYTES"]), self.image.size)
        self.assertEqual(len(facts["EZIO_INFO_HASH"]), 40)
        self.assertEqual(facts["EZIO_HOST"], os.uname().nodename)
        self.assertIn("EZIO_DISK_SERIAL", facts)
        self.assertIn("to stderr", lines)
        self.assertIn("0", lines, "it had an input")
        self.assertEqual(self.wait_host(tracker, self.target, "done")["error"], "")
        wait_until(lambda: "done" in self.events(), 20, "logged")

    def test_a_command_that_fails_fails_the_host_which_was_never_done(self):
        tracker = self.room()
        self.seed_room(tracker)
        go = self.path("go")
        command = self.script(f"while [ ! -e {go} ]; do sleep .1; done; echo no way out >&2; exit 7")
        leecher = self.clone(tracker, "--linger", 0, "--on-complete", command)
        finishing = self.wait_host(tracker, self.target, "finishing")
        self.assertEqual((finishing["have"], finishing["verified"]), (finishing["pieces"], finishing["pieces"]))
        self.assertFalse(tracker.stats()["verdict"]["complete"])
        # It goes on to be heard of: more than three intervals of a second later it is not lost.
        wait_until(lambda: self.host(tracker, self.target)["last_seen"] >= finishing["last_seen"] + 5, 30, "heard of")
        self.assertEqual(self.host(tracker, self.target)["state"], "finishing")
        self.assertEqual(leecher.snapshots()[-1]["torrents"][0]["state"], "finishing")
        with open(go, "w", encoding="ascii"):
            pass
        leecher.wait_exit(1)
        leecher.stderr_line(r"--on-complete: \S+/command exited with 7: no way out$")
        failed = self.wait_host(tracker, self.target, "failed")
        self.assertRegex(failed["error"], r"--on-complete: \S+ exited with 7: no way out$")
        wait_until(lambda: "failed" in self.events(), 20, "logged")
        self.assertNotIn("done", self.events())
        last = leecher.snapshots()[-1]["torrents"][0]
        self.assertEqual(last["exit_code"], 1)

    def test_one_that_cannot_be_run_is_a_failure_too(self):
        tracker = self.room()
        self.seed_room(tracker)
        leecher = self.clone(tracker, "--linger", 0, "--on-complete", "/no/such/command")
        leecher.wait_exit(1)
        self.assertIn("/no/such/command", self.wait_host(tracker, self.target, "failed")["error"])

    def test_a_signal_while_it_lingers_is_for_the_lingering_only(self):
        tracker = self.room()
        self.seed_room(tracker)
        marker = self.path("ran")
        leecher = self.clone(tracker, "--linger", "forever", "--on-complete", f"touch {marker}")
        self.wait_host(tracker, self.target, "finishing")
        self.assertFalse(os.path.exists(marker), "it ran before the lingering was over")
        leecher.process.send(signal.SIGTERM)
        leecher.wait_exit(0)
        self.assertTrue(os.path.exists(marker))
        self.wait_host(tracker, self.target, "done")

    def test_a_clone_that_was_cut_short_has_no_last_works(self):
        tracker = self.room()
        self.seed_room(tracker, flags=["--upload-limit", "1"])
        marker = self.path("ran")
        leecher = self.clone(tracker, "--on-complete", f"touch {marker}")
        self.wait_host(tracker, self.target, "leeching")
        leecher.process.send(signal.SIGTERM)
        leecher.wait_exit(143)
        self.assertEqual(leecher.snapshots()[-1]["torrents"][0]["targets"][0]["exit_code"], 143)
        self.assertFalse(os.path.exists(marker))
        self.wait_host(tracker, self.target, "failed")

    def test_a_second_signal_ends_a_command_with_what_it_started(self):
        tracker = self.room()
        self.seed_room(tracker)
        pids = self.path("pids")
        command = self.script(f"sleep 1000 & echo $$ $! >{pids}.new; mv {pids}.new {pids}; wait")
        leecher = self.clone(tracker, "--linger", 0, "--on-complete", command)
        wait_until(lambda: os.path.exists(pids), 30, "the command runs")
        leecher.process.send(signal.SIGTERM)
        wait_until(lambda: "a second signal ends them" in leecher.process.stderr(), 20, "said")
        self.assertTrue(leecher.process.running())
        leecher.process.send(signal.SIGTERM)
        leecher.wait_exit(143)
        with open(pids, encoding="ascii") as file:
            for pid in file.read().split():
                wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}"), 20, f"{pid} is gone")

    def test_who_serves_others_does_so_before_its_last_works(self):
        tracker = self.room()
        self.seed_room(tracker, flags=["--upload-limit", "6"])
        order = self.path("order")
        command = self.script(f'echo "$EZIO_TARGET" >>{order}')
        slow = self.path("slow.img")
        first = self.clone(tracker, "--on-complete", command, name="first")
        second = self.clone(tracker, "--download-limit", "1.5", "--linger", 0, target=slow, name="second")
        self.wait_host(tracker, self.target, "finishing", 60)
        self.assertFalse(os.path.exists(order))
        self.assertIn(self.host(tracker, slow)["state"], ("leeching", "verifying"), "nobody was left to serve")
        second.wait_exit(0)
        first.wait_exit(0, 60)
        with open(order, encoding="utf-8") as file:
            self.assertEqual(file.read().split(), [self.target])
        self.assertGreater(first.snapshots()[-1]["torrents"][0]["uploaded"], 0)

    def test_of_two_pairs_one_may_fail_and_the_other_gets_its_works(self):
        tracker = self.room()
        self.seed_room(tracker)
        other = RawImage(self, data_mib=8, name="other", seed=2)
        self.seed(other.torrent, other.path, tracker=tracker.announce, name="other")
        command = self.script(f'[ "$EZIO_NAME" = disk ] || exit 1; touch {self.path("ran")}')
        second = self.path("other.img")
        leecher = Peer(self, "leech", [(other.torrent, second), (self.image.torrent, self.target)],
                       tracker=tracker.announce, flags=["--linger", 0, "--on-complete", command])
        leecher.wait_exit(1)
        self.assertTrue(os.path.exists(self.path("ran")))
        ends = [torrent["exit_code"] for torrent in leecher.snapshots()[-1]["torrents"]]
        self.assertEqual(ends, [1, 0])


def check():
    require_built()
    require_programs("sfdisk", "resize2fs", "e2fsck", "dumpe2fs", "mkfs.xfs", "xfs_growfs", "xfs_io",
                     "xfs_repair", "btrfs", "mkfs.vfat", "mcopy", "partx", "partclone.extfs")


if __name__ == "__main__":
    runner.main(check)
