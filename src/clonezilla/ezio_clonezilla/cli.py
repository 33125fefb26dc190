"""`ezio_cli.py`: follows the daemon in lines, and ends it when all is over."""
import argparse
import sys
import time

from . import client, follow

TERMINAL_EVERY_S, PLAIN_EVERY_S = 1, 5


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="ezio_cli.py", allow_abbrev=False,
        description="Follows the daemon's torrents, and ends it when all are complete and nobody needs them any more. Its"
                    " exit code is 0 when every one is complete, else that of the first that failed.")
    follow.add_arguments(parser)
    return client.run(parser, argv, lambda daemon, options: watch(daemon, options.wait, options.last_upload))


def watch(daemon, wait_s, idle_s):
    follower = follow.Follower(daemon, wait_s, idle_s)
    terminal = sys.stdout.isatty()
    print(f"ezio {follower.version}", flush=True)
    shown_at = -PLAIN_EVERY_S
    while True:
        over = follower.step()
        if terminal:
            print(f"\r\033[K{follower.summary()}", end="\n" if over else "", flush=True)
        elif over or time.monotonic() - shown_at >= PLAIN_EVERY_S:
            shown_at = time.monotonic()
            print(follower.summary(), flush=True)
        if over:
            break
        time.sleep(TERMINAL_EVERY_S)
    return conclude(follower)


def conclude(follower):
    for line in follower.verdicts():
        print(line, flush=True)
    return follow.exit_code(follower.torrents)
