"""A small Debian on a GPT disk that boots by BIOS and, with the signed shim and grub, by UEFI: made in files, without mounts or loop devices.

Its init prints MARKER and its own facts on the serial console, and ends the machine.
"""
import glob
import os
import shutil
import struct
import subprocess

MARKER = "THE-CLONED-SYSTEM-IS-UP"
SECTOR = 512
MIB = 1 << 20
DISK_BYTES = 288 * MIB
GRUB_START, ESP_START, ROOT_START = 1 * MIB, 2 * MIB, 18 * MIB
ROOT_BYTES = DISK_BYTES - ROOT_START - 1 * MIB
ROOT_UUID = "5e2b6a4c-0c0a-4d0e-9a51-0123456789ab"
GRUB_BIOS = "/usr/lib/grub/i386-pc"

INIT = f"""#!/bin/sh
# The only program of this system.
mount -t proc proc /proc
mount -t sysfs sys /sys
mode=BIOS
[ ! -d /sys/firmware/efi ] || mode=UEFI
root=$(sed -n 's,^\\([^ ]*\\) / ext4 .*,\\1,p' /proc/mounts)
printf '\\r\\n{MARKER} %s root=%s %s\\r\\n' "$mode" "$root" "$(cat /etc/debian_version)" >/dev/ttyS0
sync
echo o >/proc/sysrq-trigger
while :; do sleep 1; done
"""

GRUB_CONFIG = """set timeout=0
serial --unit=0 --speed=115200
terminal_output console serial
search --no-floppy --fs-uuid --set=root {uuid}
linux /boot/{kernel} root=UUID={uuid} ro console=ttyS0,115200 quiet
initrd /boot/{initrd}
boot
"""


def run(*argv, **kwargs):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          check=False, timeout=900, **kwargs)
    if done.returncode != 0:
        raise AssertionError(f"{argv[0]} exited with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def mirror():
    """Where this machine's own packages of Debian's main come from."""
    sites = run("apt-get", "indextargets", "--format", "$(ORIGIN) $(SUITE) $(SITE) $(CODENAME)", "Created-By: Packages")
    for line in sites.splitlines():
        words = line.split()
        if words[:1] == ["Debian"] and words[-1] == "bookworm":
            return words[-2]
    raise AssertionError(f"apt knows no Debian bookworm:\n{sites}")


def make_root(directory):
    """debootstrap's minbase with a kernel, less what this system does not read: every MB is cloned under emulation."""
    run("debootstrap", "--variant=minbase", "--include=linux-image-cloud-amd64,initramfs-tools,zstd", "bookworm", directory,
        mirror())
    for pattern in ("var/cache/apt/*", "var/lib/apt/lists/*", "usr/share/doc/*", "usr/share/locale/*", "usr/share/man/*",
                    "usr/share/info/*", "var/log/*", "usr/lib/udev/hwdb*",
                    # What it boots from is in its own initramfs.
                    "usr/lib/modules/*/kernel/*"):
        for path in glob.glob(os.path.join(directory, pattern)):
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    init = os.path.join(directory, "sbin/init")
    with open(init, "w", encoding="utf-8") as file:
        file.write(INIT)
    os.chmod(init, 0o755)


def make_disk(root, image, work):
    kernel = os.path.basename(glob.glob(os.path.join(root, "boot/vmlinuz-*"))[0])
    config = GRUB_CONFIG.format(uuid=ROOT_UUID, kernel=kernel, initrd=kernel.replace("vmlinuz", "initrd.img"))
    with open(image, "wb") as file:
        file.truncate(DISK_BYTES)
    _partition(image)
    config_path = os.path.join(work, "grub.cfg")
    with open(config_path, "w", encoding="utf-8") as file:
        file.write(config)
    run("mke2fs", "-q", "-F", "-t", "ext4", "-b", 4096, "-U", ROOT_UUID, "-L", "root", "-d", root, "-E",
        f"offset={ROOT_START},lazy_itable_init=0", image, f"{ROOT_BYTES // 1024}k")
    _uefi(image, config_path, work)
    _bios(image, config_path, work)


def _partition(image):
    script = f"""label: gpt
start={GRUB_START // SECTOR}, size={(ESP_START - GRUB_START) // SECTOR}, type=21686148-6449-6E6F-744E-656564454649, name=grub
start={ESP_START // SECTOR}, size={(ROOT_START - ESP_START) // SECTOR}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=ESP
start={ROOT_START // SECTOR}, size={ROOT_BYTES // SECTOR}, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=root
"""
    subprocess.run(["sfdisk", "-q", image], input=script, text=True, check=True, timeout=60)


def _uefi(image, config_path, work):
    """Debian's signed grub looks for its configuration in EFI/debian of the partition that it came from."""
    esp = os.path.join(work, "esp.img")
    with open(esp, "wb") as file:
        file.truncate(ROOT_START - ESP_START)
    run("mkfs.vfat", "-F", 16, "-n", "ESP", esp)
    run("mmd", "-i", esp, "::EFI", "::EFI/BOOT", "::EFI/debian")
    for source, name in (("/usr/lib/shim/shimx64.efi.signed", "EFI/BOOT/BOOTX64.EFI"),
                         ("/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", "EFI/BOOT/grubx64.efi"),
                         (config_path, "EFI/debian/grub.cfg")):
        run("mcopy", "-i", esp, source, f"::{name}")
    _splice(image, esp, ESP_START)


def _bios(image, config_path, work):
    """What grub-install does with devices: boot.img in the first sector, the core in its partition, each told where the next is."""
    core = os.path.join(work, "core.img")
    run("grub-mkimage", "-O", "i386-pc", "-d", GRUB_BIOS, "-o", core, "-p", "/boot/grub", "-c", config_path,
        "biosdisk", "part_gpt", "ext2", "search", "search_fs_uuid", "linux", "normal", "serial", "terminal", "boot", "echo")
    with open(core, "r+b") as file:
        head = bytearray(file.read(SECTOR))
        struct.pack_into("<Q", head, 0x1f4, GRUB_START // SECTOR + 1)
        file.seek(0)
        file.write(head)
    _splice(image, core, GRUB_START)
    with open(os.path.join(GRUB_BIOS, "boot.img"), "rb") as file:
        boot = bytearray(file.read(SECTOR))
    struct.pack_into("<Q", boot, 0x5c, GRUB_START // SECTOR)
    with open(image, "r+b") as file:
        old = file.read(SECTOR)
        file.seek(0)
        file.write(boot[:440] + old[440:])  # not over the partition table


def _splice(image, part, offset):
    with open(part, "rb") as source, open(image, "r+b") as target:
        target.seek(offset)
        shutil.copyfileobj(source, target, MIB)
