"""The network interface that is served on."""
import ipaddress
import json
import re

from .programs import need, output_of
from .refusal import USAGE, Refusal

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,15}")


class Interface:
    def __init__(self, name, address):
        self.name = name
        self.address = str(address.ip)
        self.network = address.network


def parse(name, text):
    """From the JSON of `ip -j -4 address show dev NAME`: its first global IPv4 address."""
    for entry in json.loads(text or "[]"):
        for address in entry.get("addr_info", []):
            if address.get("family") == "inet" and address.get("scope") == "global":
                return Interface(name, ipaddress.ip_interface(f"{address['local']}/{address['prefixlen']}"))
    raise Refusal(f"{name} has no IPv4 address: give it one (ip address add ADDRESS/LENGTH dev {name}), since machines boot over IPv4")


def look_up(name):
    if not _NAME.fullmatch(name):
        raise Refusal(f"--interface {name!r} is no interface's name", USAGE)
    ip = need("ip", "iproute2")
    if name not in {link["ifname"] for link in json.loads(output_of(ip, "-j", "link"))}:
        raise Refusal(f"--interface {name}: there is no such interface")
    return parse(name, output_of(ip, "-j", "-4", "address", "show", "dev", name).decode())


def dhcp_range(text, interface):
    """(first, last) of --serve-dhcp FIRST-LAST, inside the interface's network and without its own address."""
    first_text, dash, last_text = text.replace(",", "-").partition("-")
    try:
        first, last = ipaddress.IPv4Address(first_text.strip()), ipaddress.IPv4Address(last_text.strip())
    except ValueError:
        dash = ""
    if not dash:
        raise Refusal(f"--serve-dhcp {text}: give the first and the last address, as 192.0.2.100-192.0.2.199", USAGE)
    for address in (first, last):
        if address not in interface.network:
            raise Refusal(f"--serve-dhcp {text}: {address} is not in {interface.network}, the network of {interface.name}")
    own = ipaddress.IPv4Address(interface.address)
    if first > last or first <= own <= last:
        raise Refusal(f"--serve-dhcp {text}: {'ends before it begins' if first > last else f'has {own}, which is this server'}")
    return str(first), str(last)
