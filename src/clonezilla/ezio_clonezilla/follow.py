"""When what the daemon does is over, as ezio_cli.py and ezio_ui.py decide it, and how it went."""
import time

from . import client

ENOUGH_UPLOADED = 3  # times its own size


def served_enough(torrent, wait_s, idle_s):
    """Whether a torrent that is complete may stop: nobody has asked for anything for a while, or it has given plenty."""
    if not torrent["is_finished"] or torrent["is_paused"] or torrent["is_failed"]:
        return False
    if torrent["total_payload_upload"] > ENOUGH_UPLOADED * torrent["total_done"]:
        return True
    idle = torrent["last_upload"] == -1 or torrent["last_upload"] > idle_s
    return torrent["finished_time"] > wait_s and idle


def is_over(torrents):
    return bool(torrents) and all(one["is_failed"] or (one["is_finished"] and one["is_paused"]) for one in torrents)


def exit_code(torrents):
    return next((one["exit_code"] for one in torrents if one["is_failed"]), 0)


class Follower:
    """Asks the daemon, stops what has served enough, and ends the daemon when all is over."""

    def __init__(self, daemon, wait_s, idle_s):
        self.daemon, self.wait_s, self.idle_s = daemon, wait_s, idle_s
        self.version = daemon.ask("version")["version"]
        self.started = time.monotonic()
        self.torrents = []

    def step(self):
        """Looks once; whether all is over now."""
        self.torrents = self.daemon.ask("status")["torrents"]
        for one in self.torrents:
            if served_enough(one, self.wait_s, self.idle_s):
                self.daemon.ask("pause", hash=one["hash"])
                one["is_paused"] = True
        if not is_over(self.torrents):
            return False
        try:
            self.daemon.ask("shutdown")
        except client.DaemonGone:
            pass
        return True

    def summary(self):
        """In one line."""
        total = sum(one["total"] for one in self.torrents) or 1
        done = sum(one["total_done"] for one in self.torrents)
        down = sum(one["download_rate"] for one in self.torrents) / 1e6
        up = sum(one["upload_rate"] for one in self.torrents) / 1e6
        running = sum(not one["is_finished"] and not one["is_failed"] for one in self.torrents)
        failed = sum(one["is_failed"] for one in self.torrents)
        seconds = int(time.monotonic() - self.started)
        text = f"{seconds // 60}:{seconds % 60:02}  {100 * done // total}%  {down:.1f} MB/s down  {up:.1f} MB/s up"
        text += f"  {running} of {len(self.torrents)} to go"
        return text + (f"  {failed} FAILED" if failed else "")

    def verdicts(self):
        """A line for each torrent, once all is over."""
        for one in self.torrents:
            if one["is_failed"]:
                yield f"{one['name']}: FAILED: {one['error']} (exit code {one['exit_code']})"
            else:
                yield f"{one['name']}: complete"


def add_arguments(parser):
    client.add_address(parser)
    parser.add_argument("-w", "--wait", type=int, default=15, metavar="S",
                        help="how long a torrent serves at least after it is complete (15)")
    parser.add_argument("-l", "--last-upload", type=int, default=15, metavar="S",
                        help="and until nobody has asked for anything for so long (15)")
