"""The helpers that ask the daemon one thing: add, pause, resume, shut down, say a number."""
import argparse
import os

from . import client


def add(argv=None):
    parser = argparse.ArgumentParser(prog="ezio_add_torrent.py", allow_abbrev=False,
                                     description="Has the daemon seed or clone a torrent. Fails with the reason, and an exit"
                                                 " code of ezio-peer's, where it will not.")
    parser.add_argument("torrent", help="the torrent's file")
    parser.add_argument("path", help="the device, image or directory of slices")
    client.add_address(parser)
    parser.add_argument("-S", "--seeding", action="store_true", help="seed from path (else clone to it)")
    parser.add_argument("-s", "--sequential", action="store_true", help="accepted, has no effect")
    parser.add_argument("-c", "--connections", type=int, default=0, metavar="N", help="accepted, has no effect")
    parser.add_argument("-u", "--uploads", type=int, default=0, metavar="N", help="accepted, has no effect")

    def action(daemon, options):
        reply = daemon.ask("add", torrent=os.path.abspath(options.torrent), path=os.path.abspath(options.path),
                           seeding=options.seeding, sequential=options.sequential, connections=options.connections,
                           uploads=options.uploads)
        print(f"{reply['name']}: {'seeding' if options.seeding else 'cloning to'} {options.path}")

    return client.run(parser, argv, action)


def _about_one(prog, description, command):
    def main(argv=None):
        parser = argparse.ArgumentParser(prog=prog, allow_abbrev=False, description=description)
        parser.add_argument("hash", help="info-hash, in hexadecimal")
        client.add_address(parser)
        return client.run(parser, argv, lambda daemon, options: daemon.ask(command, hash=options.hash) and 0)
    return main


pause = _about_one("ezio_pause_torrent", "Stops a torrent; what it has cloned is kept.", "pause")
resume = _about_one("ezio_resume_torrent", "Goes on with a torrent that was stopped.", "resume")


def shutdown(argv=None):
    parser = argparse.ArgumentParser(prog="ezio_shutdown", allow_abbrev=False, description="Ends the daemon.")
    client.add_address(parser)
    return client.run(parser, argv, lambda daemon, _: daemon.ask("shutdown") and 0)


def tell(argv=None):
    parser = argparse.ArgumentParser(prog="ezio_client", allow_abbrev=False, description="Says how far torrents are.")
    client.add_address(parser)
    parser.add_argument("--hash", default="", help="of this one (else of all)")
    parser.add_argument("--progress", action="store_true")
    parser.add_argument("--download_speed", action="store_true")
    parser.add_argument("--upload_speed", action="store_true")

    def action(daemon, options):
        if not (options.progress or options.download_speed or options.upload_speed):
            parser.error("one of --progress, --download_speed, --upload_speed is needed")
        for one in daemon.ask("status", hashes=[options.hash] if options.hash else [])["torrents"]:
            if options.progress:
                print(f"{one['hash']} progress {100 * one['progress']:.2f} %")
            if options.download_speed:
                print(f"{one['hash']} download {one['download_rate'] / 1e6:.2f} MB/s")
            if options.upload_speed:
                print(f"{one['hash']} upload {one['upload_rate'] / 1e6:.2f} MB/s")

    return client.run(parser, argv, action)
