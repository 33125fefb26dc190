"""`ezio_ui.py`: what ezio_cli.py does, on a whole screen."""
import argparse
import curses
import os
import sys
import time

from . import cli, client, follow

EVERY_S = 1.0
BAR_WIDTH = 24


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="ezio_ui.py", allow_abbrev=False,
        description="Shows the daemon's torrents on the whole screen, and ends it when all are complete and nobody needs them"
                    " any more. q leaves, and the daemon goes on. Exit codes are those of ezio_cli.py.")
    follow.add_arguments(parser)
    return client.run(parser, argv, run)


def run(daemon, options):
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "dumb") == "dumb":
        return cli.watch(daemon, options.wait, options.last_upload)
    follower = follow.Follower(daemon, options.wait, options.last_upload)
    try:
        over = curses.wrapper(show, follower)
    except curses.error as error:  # a terminal that cannot do it
        print(f"ezio_ui.py: {error}; goes on in lines", file=sys.stderr)
        return cli.watch(daemon, options.wait, options.last_upload)
    if not over:
        print("ezio goes on; ezio_shutdown ends it")
        return 0
    return cli.conclude(follower)


def show(screen, follower):
    """Until all is over (True) or somebody presses q (False)."""
    if curses.has_colors():
        curses.use_default_colors()
        for number, colour in enumerate((curses.COLOR_GREEN, curses.COLOR_RED, curses.COLOR_CYAN), start=1):
            curses.init_pair(number, colour, -1)
    try:
        curses.curs_set(0)
    except curses.error:
        pass
    screen.timeout(100)
    looked_at = 0.0
    while True:
        if time.monotonic() - looked_at >= EVERY_S:
            looked_at = time.monotonic()
            over = follower.step()
            draw(screen, follower)
            if over:
                return True
        if (key := screen.getch()) in (ord("q"), ord("Q")):
            return False
        if key == curses.KEY_RESIZE:
            draw(screen, follower)


def draw(screen, follower):
    height, width = screen.getmaxyx()
    screen.erase()
    put(screen, 0, f"ezio {follower.version}   {follower.summary()}", width, curses.A_BOLD)
    room = max((height - 3) // 2, 0)
    # Where not all find room, those that need somebody come first.
    order = sorted(follower.torrents, key=lambda one: (not one["is_failed"], one["is_finished"], one["name"]))
    for number, one in enumerate(order[:room]):
        put(screen, 2 + 2 * number, line_of(one), width, colour_of(one))
        if one["error"]:
            put(screen, 3 + 2 * number, f"    {one['error']}", width, colour_of(one))
    hidden = len(order) - room
    if height > 1:
        put(screen, height - 1, f"q leaves; ezio goes on{f'   {hidden} more' if hidden > 0 else ''}", width, curses.A_DIM)
    screen.refresh()


def put(screen, row, text, width, attribute=0):
    if row < screen.getmaxyx()[0]:
        screen.addnstr(row, 0, text, max(width - 1, 0), attribute)


def line_of(one):
    filled = int(one["progress"] * BAR_WIDTH)
    bar = "#" * filled + "." * (BAR_WIDTH - filled)
    return (f"{one['name']:<16.16} [{bar}] {100 * one['progress']:5.1f}%  {one['phase']:<9} "
            f"{one['download_rate'] / 1e6:7.1f} MB/s down {one['upload_rate'] / 1e6:7.1f} up  {one['num_peers']} peers"
            f"  {one['save_path']}")


def colour_of(one):
    if not curses.has_colors():
        return curses.A_NORMAL
    return curses.color_pair(2 if one["is_failed"] else 1 if one["is_finished"] else 3)
