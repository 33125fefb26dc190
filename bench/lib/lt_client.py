"""A plain libtorrent client, as fast as its settings make it, for bench/compare.

    lt_client.py seed|leech TORRENT SAVE_PATH ADDRESS

TCP only, no encryption, no DHT, no local discovery; seeds are believed (seed mode). Queues and buffers are
generous. Prints "ready", and "complete" when every piece is there. Serves until killed.
"""
import os
import sys
import time

import libtorrent as lt

MIB = 1 << 20
SETTINGS = {
    "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
    "enable_outgoing_utp": False, "enable_incoming_utp": False,
    "out_enc_policy": int(lt.enc_policy.disabled), "in_enc_policy": int(lt.enc_policy.disabled),
    "allow_multiple_connections_per_ip": True, "unchoke_slots_limit": -1, "connections_limit": 500,
    "max_out_request_queue": 2000, "max_allowed_in_request_queue": 4000, "request_queue_time": 3,
    "send_buffer_watermark": 16 * MIB, "send_buffer_low_watermark": MIB, "send_buffer_watermark_factor": 200,
    "max_queued_disk_bytes": 256 * MIB, "aio_threads": 2 * os.cpu_count(), "hashing_threads": os.cpu_count(),
    "no_atime_storage": True, "piece_extent_affinity": True, "whole_pieces_threshold": 60,
    "suggest_mode": 0, "announce_to_all_trackers": True, "alert_mask": 0,
    "no_recheck_incomplete_resume": True,  # a target that is there holds nothing of the torrent
}


def main():
    role, torrent, save_path, address = sys.argv[1:]
    session = lt.session({**SETTINGS, "listen_interfaces": f"{address}:0", "outgoing_interfaces": address})
    parameters = lt.add_torrent_params()
    parameters.ti = lt.torrent_info(torrent)
    parameters.save_path = save_path
    if role == "seed":
        parameters.flags |= lt.torrent_flags.seed_mode
    parameters.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    handle = session.add_torrent(parameters)
    print("ready", flush=True)
    while not handle.status().is_seeding:
        time.sleep(0.02)
    print("complete", flush=True)
    while True:
        time.sleep(60)


main()
