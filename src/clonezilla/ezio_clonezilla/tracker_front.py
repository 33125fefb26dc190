"""`opentracker`: ezio-tracker, called as Clonezilla calls opentracker.

ezio-tracker accepts the torrents of a directory. Without a whitelist that is DIR; with one, a directory of our own
with those torrents of DIR that the whitelist names. It is read at the start and again at SIGHUP, as opentracker
does, and not whenever it changes: Clonezilla writes one file anew for each of its trackers.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys

from . import programs, runtime, whitelist


def parser():
    arguments = argparse.ArgumentParser(prog="opentracker", allow_abbrev=False,
                                        description="A front of ezio-tracker, called as opentracker is.")
    arguments.add_argument("-p", dest="ports", type=_port, action="append", metavar="PORT",
                           help="TCP port to listen on (6969); repeatable")
    arguments.add_argument("-i", dest="address", default="0.0.0.0", metavar="ADDR", help="address to listen on")
    arguments.add_argument("-d", dest="directory", default=".", metavar="DIR", help="where the torrents are")
    arguments.add_argument("-w", dest="whitelist", metavar="FILE",
                           help="info-hashes to accept, a line each; below DIR, as opentracker has it. Where it is missing"
                                " or names none: all torrents in DIR")
    arguments.add_argument("-P", dest="udp_ports", action="append", metavar="PORT", help="accepted; there is no UDP")
    for flag, what in (("-u", "USER"), ("-r", "URL"), ("-A", "ADDR"), ("-s", "PORT"), ("-f", "FILE")):
        arguments.add_argument(flag, dest=f"unused_{flag[1]}", metavar=what, help="accepted, has no effect")
    return arguments


def _port(text):
    value = int(text)
    if not 0 < value < 65536:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return value


class Shelf:
    """The directory whose torrents the tracker serves."""

    def __init__(self, options, port):
        self.source = os.path.abspath(options.directory)
        self.list_path = options.whitelist and whitelist.locate(self.source, options.whitelist)
        if options.whitelist and not self.list_path:
            print(f"opentracker: there is no whitelist {options.whitelist}: the torrents in {self.source} are served",
                  flush=True)
        self.path = self.source
        if self.list_path:
            self.path = os.path.join(runtime.directory(), f"tracker-{port}")
            shutil.rmtree(self.path, ignore_errors=True)  # of one that was killed
            os.mkdir(self.path, 0o700)
            self.read_again()

    def read_again(self):
        if not self.list_path:
            return
        try:
            allowed = whitelist.read(self.list_path)
        except OSError as error:  # removed since: what was accepted stays
            print(f"opentracker: {self.list_path}: {error.strerror}; nothing changed", flush=True)
            return
        there = whitelist.torrents_by_hash(self.source)
        if not allowed:
            print(f"opentracker: {self.list_path} names no info-hash: the torrents in {self.source} are served",
                  flush=True)
            allowed = set(there)
        for info_hash in sorted(allowed - set(there)):
            print(f"opentracker: {info_hash} of {self.list_path} is none of the torrents in {self.source}, and is"
                  " refused", flush=True)
        whitelist.fill(self.path, [path for info_hash, path in there.items() if info_hash in allowed])

    def remove(self):
        if self.list_path:
            shutil.rmtree(self.path, ignore_errors=True)


def start(options, ports, shelf):
    program = programs.find("ezio-tracker")
    listen = [part for port in ports for part in ("--listen", f"{options.address}:{port}")]
    # By this name: the scripts end whatever begins with "ezio" before they start a seeder.
    return subprocess.Popen(["opentracker", *listen, "--dir", shelf.path],
                            executable=runtime.link("opentracker", os.path.abspath(program)),
                            stdin=subprocess.DEVNULL, preexec_fn=programs.die_with_parent)


def serve(options):
    ports = options.ports or [6969]
    shelf = Shelf(options, ports[0])
    # Before the child is there, so that no signal is lost. It is sent on, and wait() goes on.
    child = None
    ended_by = []

    def end(number, _):
        ended_by.append(number)
        if child is not None:
            child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    signal.signal(signal.SIGHUP, lambda *_: shelf.read_again())
    try:
        child = start(options, ports, shelf)
        if ended_by:
            child.send_signal(ended_by[0])
        code = child.wait()
    finally:
        shelf.remove()
    return code if code >= 0 else 128 - code


def main(argv=None):
    options = parser().parse_args(argv)
    programs.set_process_name("opentracker")
    try:
        return serve(options)
    except (programs.ProgramMissing, runtime.RuntimeFault, OSError) as error:
        print(f"opentracker: {error}", file=sys.stderr)
        return 1
