"""Real partclone dumps cloned to raw devices: the extents equal, nothing else touched, the file system sound.

Each case: one seeder and two leechers at once, whose targets are loop devices of 512- and 4096-byte sectors.
"""
from lib import extents, runner
from lib.case import require_programs
from lib.ezio import SANITIZED, EzioCase, create_torrent, program, require_built
from lib.filesystems import FILE_SYSTEMS, Capture
from lib.loopdev import LoopDevice
from lib.proc import run
from lib.tree import make_tree

# Larger than the source, by a number that is a multiple of 4096: what lies behind the partition survives too.
TAIL_BYTES = (1 << 20) + 4096
MEMORY_MIB = 128


class CloneTest(EzioCase):
    @classmethod
    def setUpClass(cls):
        cls.captures = {}
        cls.tree = runner.scratch().dir("tree")
        make_tree(cls.tree)

    def capture(self, name):
        """Made once, used by the cases from the directory and from the device."""
        if name not in self.captures:
            self.captures[name] = Capture(FILE_SYSTEMS[name], self.tree, self.scratch)
        return self.captures[name]

    def patterned_target(self, capture, sector):
        backing = self.temp_file(f"target{sector}.img")
        extents.fill_pattern(backing, capture.size + TAIL_BYTES)
        return self.loop(backing, sector=sector)

    def clone(self, name, source_of):
        capture = self.capture(name)
        tracker = self.tracker()
        torrent = create_torrent(self.temp_file(f"{name}.torrent"), "--info", capture.info, name=name,
                                 announce=[tracker.announce])
        seeder = self.seed(torrent, source_of(capture), flags=["--memory", MEMORY_MIB])
        targets = [self.patterned_target(capture, sector) for sector in (512, 4096)]
        leechers = [self.leech(torrent, target.path, name=f"leech{index}",
                               flags=["--linger", 0, "--memory", MEMORY_MIB])
                    for index, target in enumerate(targets)]
        for leecher in leechers:
            leecher.wait_exit(0)
        self.assertEqual(seeder.process.stop(), 143)
        for process in [seeder.process] + [leecher.process for leecher in leechers]:
            self.check_memory(process)
        for target in targets:
            self.check_target(capture, torrent, target)

    def check_memory(self, process):
        if SANITIZED:
            return  # a sanitizer's shadow memory and quarantine are not the peer's
        self.assertLessEqual(process.peak_memory_bytes(), (MEMORY_MIB + 64) << 20, process.name)

    def check_target(self, capture, torrent, target):
        run(program("ezio-torrent"), "check", torrent, target.path)
        target.close()
        extents.assert_clone(target.backing_path, capture.image, capture.extents)
        # A file system made for 512-byte sectors need not mount on a disk of 4096; its bytes are what counts.
        with LoopDevice(target.backing_path) as device:
            capture.fs.fsck(device.path)
            self.assertEqual(capture.fs.listing(device.path, self.scratch), capture.listing)


def _add_cases():
    for name in FILE_SYSTEMS:
        def directory(self, name=name):
            self.clone(name, lambda capture: capture.directory)

        def device(self, name=name):
            self.clone(name, lambda capture: self.loop(capture.image, read_only=True).path)

        setattr(CloneTest, f"test_{name}_from_directory", directory)
        setattr(CloneTest, f"test_{name}_from_device", device)

    # DIR/<name>/<hex> instead of DIR/<hex>
    CloneTest.test_btrfs_from_parent_directory = lambda self: self.clone("btrfs", lambda c: c.parent)


_add_cases()


def check():
    require_built()
    require_programs(*(fs.partclone for fs in FILE_SYSTEMS.values()), "mcopy", "ntfs-3g", "xfs_repair",
                     "btrfs", "fsck.vfat", "e2fsck", "ntfsresize")


if __name__ == "__main__":
    runner.main(check)
