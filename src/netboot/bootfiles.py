"""The boot loaders: pxelinux for BIOS; for UEFI the distribution's signed shim and grub, and iPXE for networks where grub cannot."""
import os
import shutil

from .kernel import is_signed
from .refusal import USAGE, Refusal

# Name in the image: (path on this server, package)
BIOS = {
    "lpxelinux.0": ("/usr/lib/PXELINUX/lpxelinux.0", "pxelinux"),
    "ldlinux.c32": ("/usr/lib/syslinux/modules/bios/ldlinux.c32", "syslinux-common"),
}
# shim asks for grubx64.efi beside itself.
UEFI = {
    "shimx64.efi": ("/usr/lib/shim/shimx64.efi.signed", "shim-signed"),
    "grubx64.efi": ("/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed", "grub-efi-amd64-signed"),
    "mmx64.efi": ("/usr/lib/shim/mmx64.efi.signed", "shim-helpers-amd64-signed"),
}
GRUB_DONE = "grub/done-"  # and the MAC address as grub writes it, with colons

# Not signed. grub does not see what a proxy says beside another DHCP server; iPXE does.
IPXE = {"snponly.efi": ("/usr/lib/ipxe/snponly.efi", "ipxe")}


def copy_into(directory):
    """Copies what boots machines; returns the names, and refuses when a loader is not installed."""
    files = {**BIOS, **UEFI, **IPXE}
    missing = sorted({package for path, package in files.values() if not os.path.exists(path)})
    if missing:
        raise Refusal(f"boot loaders are missing: apt install {' '.join(missing)}")
    for name, (path, _) in files.items():
        shutil.copyfile(path, os.path.join(directory, name))
    return sorted(files)


def unsigned(directory):
    """Names of what Secure Boot would refuse."""
    return [name for name in (*UEFI, "vmlinuz") if not is_signed(os.path.join(directory, name))]


def quoted(word):
    """One word of grub's or pxelinux's configuration; what cannot be said in both is refused."""
    if any(c in word for c in "'\"\\") or any(ord(c) < 32 or ord(c) > 126 for c in word) or " " in word or not word:
        raise Refusal(f"{word!r} cannot stand on a kernel's command line", USAGE)
    return word


def pxelinux_config(kernel_url, initrd_url, words):
    return ("# Written by ezio-netboot serve.\nDEFAULT ezio\nPROMPT 0\nLABEL ezio\n"
            f"  KERNEL {kernel_url}\n  INITRD {initrd_url}\n  APPEND {' '.join(quoted(w) for w in words)}\n"
            "  SYSAPPEND 2\n")


def grub_config(server, words):
    """By TFTP: Debian's signed grub for networks has no HTTP. Nor does it look for a file of the machine by itself, or can test for
    one: that of a machine which is done is tried, and ends grub where it is there."""
    place = f"(tftp,{server})"
    line = " ".join(f"'{quoted(w)}'" for w in words)
    # No menu: drawing one takes seconds on a serial console.
    return ("# Written by ezio-netboot serve.\n"
            f"source {place}/{GRUB_DONE}$net_default_mac\n"
            f"linux {place}/vmlinuz {line} BOOTIF=01-$net_default_mac\n"
            f"initrd {place}/initrd.img\n"
            "boot\n")


def ipxe_script(web_url, words):
    """A machine that is done has a script of its own, which ends iPXE."""
    return ("#!ipxe\n# Written by ezio-netboot serve.\n"
            f"chain --replace {web_url}/boot.ipxe.d/${{netX/mac:hexhyp}} ||\n"
            f"kernel {web_url}/vmlinuz {' '.join(quoted(w) for w in words)} BOOTIF=01-${{netX/mac:hexhyp}} initrd=initrd.img\n"
            f"initrd {web_url}/initrd.img\nboot\n")


# For machines that are done: their own disk is next.
PXELINUX_LOCAL = "# This machine is cloned.\nDEFAULT local\nPROMPT 0\nLABEL local\n  LOCALBOOT 0\n"
# A boot loader that ends well makes firmware show its setup, and one that fails makes it try the network's other ways first: so grub
# starts what the disk has where firmware itself would look.
GRUB_LOCAL = """# This machine is cloned.
for loader in /EFI/BOOT/BOOTX64.EFI /EFI/Microsoft/Boot/bootmgfw.efi; do
  if search --no-floppy --file --set=esp $loader; then
    chainloader ($esp)$loader
    boot
  fi
done
exit 1
"""
# iPXE cannot start a disk's loader under UEFI: firmware goes on to its next ways of booting.
IPXE_LOCAL = "#!ipxe\n# This machine is cloned.\nexit 1\n"
