"""`partclone_create_torrent.py`: ezio-torrent create, called as Clonezilla calls it."""
import argparse
import os
import sys
import tempfile

from . import programs


def parser():
    arguments = argparse.ArgumentParser(
        prog="partclone_create_torrent.py", allow_abbrev=False,
        description="Makes a torrent of a torrent.info (partclone -T or -t). A front of ezio-torrent create.")
    arguments.add_argument("-p", "--partition-name", required=True, metavar="NAME", help="e.g. sda1, or vg/lv")
    arguments.add_argument("-c", "--creator", required=True, help="accepted; who made it is not written down")
    arguments.add_argument("-o", "--output-file", required=True, metavar="FILE", help="the torrent")
    arguments.add_argument("-i", "--input-file", metavar="FILE", help="the torrent.info; standard input, unless told")
    arguments.add_argument("-t", "--tracker", metavar="URL", help="to announce to")
    return arguments


def create(options, info):
    announce = ["--announce", options.tracker] if options.tracker else []
    # --public: these torrents have never been private. With it the info-hash is that of the original program.
    code, _, reason = programs.run("ezio-torrent", "create", "--info", info, "--name", options.partition_name, "--public",
                                   *announce, "-o", options.output_file)
    if code != 0:
        print(f"partclone_create_torrent.py: {reason}", file=sys.stderr)
        return code
    print(f"{options.output_file}: made of {options.input_file or 'standard input'}")
    return 0


def main(argv=None):
    options = parser().parse_args(argv)
    try:
        if options.input_file:
            return create(options, options.input_file)
        with tempfile.TemporaryDirectory(prefix="ezio-info-") as directory:
            info = os.path.join(directory, "torrent.info")
            with open(info, "wb") as file:
                file.write(sys.stdin.buffer.read())
            return create(options, info)
    except (programs.ProgramMissing, OSError) as error:
        print(f"partclone_create_torrent.py: {error}", file=sys.stderr)
        return 1
