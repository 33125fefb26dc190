"""Which kernel modules go into the boot image: those that reach disks, networks, file systems and a keyboard, and what they need.

A list of folders and names, not of devices: a room has machines that nobody asked about. Dependencies are those
that depmod found.
"""
import fnmatch
import os
import re

# Patterns of paths below /lib/modules/VERSION/kernel, without the ending; '*' crosses folders.
WANTED = [
    # Disks
    "drivers/ata/*", "drivers/nvme/host/*", "drivers/block/virtio_blk", "drivers/block/xen-blkfront",
    "drivers/block/loop", "drivers/block/nbd", "drivers/scsi/*", "drivers/message/fusion/*", "drivers/virtio/*",
    "drivers/mmc/*", "drivers/memstick/*", "drivers/usb/storage/*", "drivers/pci/controller/*",
    "drivers/firewire/*", "drivers/ufs/*", "drivers/hv/*", "drivers/md/dm-mod",
    # Network
    "drivers/net/ethernet/*", "drivers/net/phy/*", "drivers/net/mdio/*", "drivers/net/pcs/*", "drivers/net/usb/*",
    "drivers/net/mii", "drivers/net/virtio_net", "drivers/net/net_failover", "drivers/net/vmxnet3/*", "drivers/net/hyperv/*",
    "drivers/net/xen-netfront", "drivers/net/thunderbolt-net", "drivers/thunderbolt/*", "net/packet/*",
    # File systems
    "fs/ext4/*", "fs/xfs/*", "fs/btrfs/*", "fs/fat/*", "fs/nls/*", "fs/efivarfs/*", "fs/ntfs3/*", "fs/exfat/*",
    "fs/f2fs/*", "fs/fuse/fuse", "fs/overlayfs/*", "fs/squashfs/*", "fs/isofs/*", "crypto/crc32c*", "arch/x86/crypto/crc32*",
    # Keyboards, USB hosts, clocks and the like that these hang on
    "drivers/usb/host/*", "drivers/usb/core/*", "drivers/usb/common/*", "drivers/usb/typec/*", "drivers/usb/dwc3/*",
    "drivers/hid/hid", "drivers/hid/hid-generic", "drivers/hid/usbhid/*", "drivers/hid/hid-hyperv",
    "drivers/hid/hid-logitech*", "drivers/hid/hid-apple", "drivers/hid/hid-microsoft", "drivers/hid/i2c-hid/*",
    "drivers/input/keyboard/atkbd", "drivers/input/serio/i8042", "drivers/input/serio/libps2", "drivers/input/evdev",
    "drivers/phy/*", "drivers/mfd/lpc_*", "drivers/mfd/intel-lpss*", "drivers/mfd/rtsx*", "drivers/misc/cardreader/*",
    "drivers/i2c/busses/i2c-i801", "drivers/i2c/busses/i2c-designware*", "drivers/i2c/i2c-smbus", "drivers/acpi/*",
    "drivers/watchdog/i6300esb", "drivers/watchdog/iTCO_wdt",
]
# Large, and never the machine's own disk or network.
UNWANTED = [
    "drivers/scsi/*debug*", "drivers/net/ethernet/*/*_vdpa*", "drivers/scsi/bnx2i/*", "drivers/scsi/bnx2fc/*", "drivers/scsi/qedf/*",
    "drivers/scsi/qedi/*", "drivers/scsi/cxgbi/*", "drivers/scsi/fcoe/*", "drivers/scsi/be2iscsi/*", "drivers/ata/pata_legacy",
    "drivers/net/ethernet/mellanox/mlxsw/*", "drivers/acpi/nfit/*", "drivers/acpi/apei/*",
]

# Of these, what the initramfs needs to reach the server, and for the rest that it gets there; and what a person in front of it types on.
EARLY = [
    "drivers/virtio/*", "drivers/pci/controller/*", "drivers/hv/*", "drivers/net/*", "net/packet/*",
    "drivers/usb/host/*", "drivers/usb/core/*", "drivers/usb/common/*", "drivers/hid/*", "drivers/input/*",
    "drivers/block/loop", "fs/squashfs/*", "fs/overlayfs/*", "fs/efivarfs/*",
]

# Without these a machine that needs nothing special does not get anywhere: their absence refuses the kernel. "Built in" counts.
ESSENTIAL = ["ahci", "sd_mod", "nvme", "virtio_blk", "virtio_net", "e1000e", "r8169", "usb_storage", "usbhid", "ext4", "xfs", "btrfs", "vfat", "af_packet",
             "loop", "squashfs", "overlay"]

_ENDING = re.compile(r"\.ko(\.(xz|gz|zst))?$")


def module_name(path):
    """As lsmod says it."""
    return _ENDING.sub("", os.path.basename(path)).replace("-", "_")


class ModuleTree:
    """/lib/modules/VERSION as depmod left it. Paths are relative to it."""

    def __init__(self, directory):
        self.directory = directory
        self.needs = {}
        with open(os.path.join(directory, "modules.dep"), encoding="utf-8") as lines:
            for line in lines:
                path, _, needs = line.partition(":")
                self.needs[path.strip()] = needs.split()
        self.builtin = {module_name(line.strip()) for line in self._lines("modules.builtin")}
        self.soft = self._soft_needs()
        self.by_name = {module_name(path): path for path in self.needs}

    def _lines(self, name):
        path = os.path.join(self.directory, name)
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8", errors="replace") as lines:
            return lines.readlines()

    def _soft_needs(self):
        """modules.softdep: 'softdep NAME pre: A B post: C'."""
        soft = {}
        for line in self._lines("modules.softdep"):
            words = line.split()
            if len(words) > 2 and words[0] == "softdep":
                soft.setdefault(words[1].replace("-", "_"), []).extend(
                    word.replace("-", "_") for word in words[2:] if not word.endswith(":"))
        return soft

    def has(self, name):
        return name in self.builtin or name in self.by_name


def _matches(path, patterns):
    inner = _ENDING.sub("", path.removeprefix("kernel/"))
    return any(fnmatch.fnmatchcase(inner, pattern) for pattern in patterns)


def wanted(tree, extra=(), among=("*",)):
    """Paths of the modules that are asked for by name or place; extra: names; among: patterns."""
    paths = {path for path in tree.needs
             if path.startswith("kernel/") and _matches(path, WANTED) and _matches(path, among) and not _matches(path, UNWANTED)}
    paths.update(tree.by_name[name.replace("-", "_")] for name in extra)
    return paths


def closure(tree, paths):
    """These and all that they need, in order."""
    done, left = set(), list(paths)
    while left:
        path = left.pop()
        if path in done:
            continue
        done.add(path)
        left += tree.needs[path]
        left += [tree.by_name[name] for name in tree.soft.get(module_name(path), []) if name in tree.by_name]
    return sorted(done)


def missing_essentials(tree, paths):
    there = {module_name(path) for path in paths}
    return [name for name in ESSENTIAL if name not in there and name not in tree.builtin]
