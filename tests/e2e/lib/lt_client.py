"""A BitTorrent client made of Debian's python3-libtorrent: plain TCP, no DHT, no local discovery.

    lt_client.py TORRENT SAVE_PATH ADDRESS:PORT [--peer HOST:PORT]

Serves until killed; prints a line when it is complete. Needs no more than what the tests need of it.
"""
import argparse
import sys
import time

import libtorrent as lt


def settings(endpoint):
    return {
        "listen_interfaces": endpoint,
        "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
        "enable_outgoing_utp": False, "enable_incoming_utp": False,
        "out_enc_policy": int(lt.enc_policy.disabled), "in_enc_policy": int(lt.enc_policy.disabled),
        "alert_mask": lt.alert.category_t.error_notification | lt.alert.category_t.peer_notification
        | lt.alert.category_t.tracker_notification | lt.alert.category_t.status_notification,
        "announce_to_all_trackers": True, "unchoke_slots_limit": -1,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("torrent")
    parser.add_argument("save_path")
    parser.add_argument("endpoint")
    parser.add_argument("--peer", action="append", default=[])
    options = parser.parse_args()

    session = lt.session(settings(options.endpoint))
    handle = session.add_torrent({"ti": lt.torrent_info(options.torrent), "save_path": options.save_path})
    peers = [(host, int(port)) for host, _, port in (peer.rpartition(":") for peer in options.peer)]
    complete = False
    next_connect = 0.0
    while True:
        status = handle.status()
        if peers and not status.is_seeding and time.monotonic() > next_connect:
            for peer in peers:
                handle.connect_peer(peer)
            next_connect = time.monotonic() + 2
        if status.is_seeding and not complete:
            complete = True
            print("complete", flush=True)
        for alert in session.pop_alerts():
            print(alert.message(), file=sys.stderr, flush=True)
        time.sleep(0.1)


main()
