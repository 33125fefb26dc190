"""The command line of ezio-netboot."""
import argparse
import os
import sys

from . import build, serve
from .refusal import Refusal
from .settings import ACTIONS

EXAMPLES = """Examples:
  ezio-netboot build -o /srv/netboot
      make the boot image
  ezio-netboot serve --dir /srv/netboot --interface eth1 --torrent lab.torrent --target /dev/sda --source /srv/images/lab
      boot the machines on eth1 into it, and serve what they clone
"""
BUILD_EXAMPLES = """Examples:
  ezio-netboot build -o /srv/netboot
      of the newest kernel that is installed
  ezio-netboot build -o /srv/netboot --module mt76 --add /usr/local/sbin/after-clone
      with a driver and a program beside what is there anyway
"""
SERVE_EXAMPLES = """Examples:
  ezio-netboot serve --dir /srv/netboot --interface eth1 --torrent lab.torrent --target /dev/sda --source /dev/sdb
      beside another DHCP server
  ezio-netboot serve --dir /srv/netboot --interface eth1 --torrent lab.torrent --target /dev/sda --serve-dhcp 192.0.2.100-192.0.2.200
      being the DHCP server
"""


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """As the help of the other programs looks, of which the manual pages are made."""

    def add_usage(self, usage, actions, groups, prefix=None):
        super().add_usage(usage, actions, groups, "Usage: ")


def addition(text):
    """--add FILE[:PATH]"""
    source, _, inner = text.partition(":")
    return source, inner or "usr/local/bin/" + os.path.basename(source)


def port(text):
    number = int(text)
    if not 1 <= number <= 65535:
        raise ValueError
    return number


def count(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def add_build(commands):
    parser = commands.add_parser("build", usage="%(prog)s [OPTIONS]", formatter_class=HelpFormatter, epilog=BUILD_EXAMPLES, help="make the boot image from this server's kernel",
                                 description="Makes a directory with the kernel of this server, an initramfs and boot loaders.")
    parser._optionals.title = "Options"
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="where the image goes; replaced as a whole")
    parser.add_argument("--kernel", metavar="VERSION", help="which of the installed kernels (default: the newest)")
    parser.add_argument("--module", action="append", default=[], metavar="NAME", help="a kernel module beside those for disks, networks "
                        "and file systems; repeatable")
    parser.add_argument("--add", action="append", default=[], type=addition, metavar="FILE[:PATH]",
                        help="a file to take along, for --set ON_COMPLETE=...; to /usr/local/bin unless told; repeatable")
    parser.add_argument("--level", type=int, choices=range(1, 20), default=12, metavar="1-19", help="how hard zstd tries (default: 12)")
    parser.set_defaults(run=build.build)


def add_serve(commands):
    parser = commands.add_parser("serve", usage="%(prog)s [OPTIONS]", formatter_class=HelpFormatter, epilog=SERVE_EXAMPLES, help="boot machines into the cloner, and serve what they clone",
                                 description="Runs dnsmasq, the tracker with its page, the seeder, and an HTTP server for the boot image.")
    parser._optionals.title = "Options"
    parser.add_argument("--dir", required=True, metavar="DIR", help="the image that build made")
    parser.add_argument("--interface", required=True, metavar="IF", help="the network interface that the machines are on")
    parser.add_argument("--torrent", action="append", required=True, metavar="FILE", help="what is cloned; repeatable, each with a --target")
    parser.add_argument("--target", action="append", required=True, metavar="TARGET",
                        help="where to, on the machines: a device, serial=... or wwn=...")
    parser.add_argument("--source", action="append", default=[], metavar="PATH",
                        help="what to seed from here: a device, an image, a directory of extents; one for each --torrent")
    parser.add_argument("--serve-dhcp", metavar="FIRST-LAST", help="give addresses. Without it another DHCP server does, and none is given")
    parser.add_argument("--secure-boot", action="store_true", help="beside another DHCP server: shim and grub for UEFI machines instead of iPXE, "
                        "where that server names this one as next-server; with --serve-dhcp it is always so")
    parser.add_argument("--hosts", metavar="DIR", help="settings of single machines, files named by MAC address")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=value",
                        help="a flag of ezio-peer for all machines, as MEMORY=512 or GROW=true; repeatable")
    parser.add_argument("--action", choices=ACTIONS, default="reboot", help="what a machine does after success (default: reboot)")
    parser.add_argument("--append", action="append", default=[], metavar="WORD", help="for the kernel's command line; repeatable")
    parser.add_argument("--memory", type=count, default=256, metavar="MiB", help="for the seeder's buffers (default: 256)")
    parser.add_argument("--upload-limit", metavar="MB/s", help="of the seeder")
    parser.add_argument("--tracker-port", type=port, default=6969, metavar="PORT", help="(default: 6969)")
    parser.add_argument("--http-port", type=port, default=6970, metavar="PORT", help="for kernel, initramfs and ezio.conf (default: 6970)")
    parser.add_argument("--dnsmasq-option", action="append", default=[], metavar="OPTION", help="a line for dnsmasq's configuration; repeatable")
    tracker = parser.add_argument_group("Handed to ezio-tracker")
    tracker.add_argument("--expect", type=count, metavar="N", help="so many hosts are to be cloned")
    tracker.add_argument("--expect-hosts", metavar="FILE", help="these are, a name a line")
    tracker.add_argument("--exit-when-done", action="store_true", help="end when all of them are done, failed or lost")
    for flag, what in (("--state", "keep hosts and results here"), ("--log", "append events here"), ("--report", "write the final report here"),
                       ("--token-file", "who wants to see the page needs this")):
        tracker.add_argument(flag, metavar="FILE", help=what)
    tracker.add_argument("--on-complete", metavar="COMMAND", help="run this, here, when all are done, failed or lost")
    tracker.add_argument("--interval", metavar="SECONDS", help="between announces of a peer")
    parser.set_defaults(run=serve.serve)


def parser(version):
    top = argparse.ArgumentParser(prog="ezio-netboot", description="Boots machines from the network into the cloner.", epilog=EXAMPLES,
                                  usage="%(prog)s [OPTIONS] SUBCOMMAND", formatter_class=HelpFormatter, allow_abbrev=False)
    top._optionals.title = "Options"
    top.add_argument("--version", action="version", version=f"ezio-netboot {version}")
    commands = top.add_subparsers(required=True, prog="ezio-netboot", title="Subcommands", metavar="", dest="command")
    add_build(commands)
    add_serve(commands)
    return top


def main(argv, version):
    arguments = parser(version).parse_args(argv)

    def say(line):
        print(line, flush=True)

    try:
        return arguments.run(arguments, say)
    except Refusal as refusal:
        print(f"ezio-netboot: {refusal}", file=sys.stderr)
        return refusal.code
    except OSError as error:
        print(f"ezio-netboot: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


