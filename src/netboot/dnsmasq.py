"""dnsmasq's part: TFTP, and DHCP, or only the word where to boot from beside another DHCP server."""
import os

from .refusal import USAGE, Refusal

# The architectures that a PXE client names (RFC 4578): 7 and 9 are both seen of 64-bit UEFI.
_UEFI = (7, 9)


def configuration(interface, root, web_url, serve_dhcp=None, secure_boot=True, user="dnsmasq", others=""):
    """The file for `dnsmasq -C`. serve_dhcp: (first, last), or None: then it never gives anybody an address.

    secure_boot: UEFI machines get shim and grub, else iPXE, which nobody signed. grub asks the server that the DHCP answer names and
    overlooks what a proxy says beside it.
    """
    lines = [
        "# Written by ezio-netboot serve.",
        "port=0",  # no DNS
        f"interface={interface.name}",
        "except-interface=lo",
        "bind-interfaces",
        f"user={user}",
        "enable-tftp",
        f"tftp-root={root}",
        "tftp-max=2000",  # transfers at once: a room that is switched on together
        "dhcp-lease-max=5000",
        "dhcp-match=set:bios,option:client-arch,0",
        *(f"dhcp-match=set:uefi,option:client-arch,{arch}" for arch in _UEFI),
        f"dhcp-hostsdir={root}/done",  # read whenever a file comes
    ]
    if not secure_boot:
        # iPXE asks again, as itself, and gets a script. One in the ROM of a BIOS machine loads pxelinux like others.
        lines += ["dhcp-userclass=set:ipxe,iPXE", "tag-if=set:script,tag:ipxe,tag:uefi", f"dhcp-boot=tag:script,{web_url}/boot.ipxe"]
    loader = "shimx64.efi" if secure_boot else "snponly.efi"
    lines.append(f"dhcp-leasefile={root}/leases")
    if serve_dhcp:
        first, last = serve_dhcp
        lines += [
            f"dhcp-range={first},{last},{interface.network.netmask},1h",
            "dhcp-option=option:router",  # none: this network leads nowhere that the cloner has to go
            "dhcp-boot=tag:bios,lpxelinux.0",
            f"dhcp-boot=tag:uefi,tag:!script,tag:!done,{loader}",
        ]
    else:
        lines += [
            f"dhcp-range={interface.network.network_address},proxy,{interface.network.netmask}",
            'pxe-service=x86PC,"ezio",lpxelinux',
            *(f'pxe-service=tag:!script,tag:!done,{arch},"ezio",{loader}' for arch in _UEFI),
        ]
    lines += others.splitlines()
    return "\n".join(lines) + "\n"


def host_done(mac):
    """For a file of dhcp-hostsdir: a UEFI machine that is done is offered no boot loader, so that its firmware goes on to its disk."""
    return f"{mac.replace('-', ':')},set:done\n"


def checked_extra(text):
    """A line of --dnsmasq-option. What would make a DHCP server of it has a flag of its own."""
    key = text.partition("=")[0].strip()
    if "\n" in text or not text.isprintable():
        raise Refusal(f"--dnsmasq-option {text!r}: one line of printable text", USAGE)
    if key in ("dhcp-range", "dhcp-authoritative", "conf-file", "conf-dir", "dhcp-script", "dhcp-luascript"):
        raise Refusal(f"--dnsmasq-option {key} is not for here" + (": --serve-dhcp is" if key == "dhcp-range" else ""), USAGE)
    return text


def readable_by_all(directory):
    """dnsmasq gives up root: every folder above the files has to let others through. Names the first that does not."""
    path = os.path.realpath(directory)
    while True:
        if not os.stat(path).st_mode & 0o001:
            return path
        if path == "/":
            return None
        path = os.path.dirname(path)
