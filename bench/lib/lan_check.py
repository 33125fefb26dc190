"""Whether the lab itself is right: iperf3 around the ring of all hosts at once reaches the links' rate."""
import json

from .lan_programs import start
from .lan_room import Room
from .lan_watch import cpu_times
from .procs import Failed

SECONDS = 5
LEAST, MOST = 0.90, 0.96  # of the link's rate; headers alone take 4.4 %


def ring_rates(options):
    """Mbit/s that each host gets from the one before it."""
    room = Room(options.queue_ms)
    processes = []
    try:
        hosts = [room.add(name, options.rate) for name in ("seed", *(f"h{i + 1}" for i in range(options.hosts)))]
        servers = [start(host, "iperf3", "-s", "-1", "-B", host.address, "--forceflush") for host in hosts]
        processes += servers
        for server in servers:
            server.wait_line("listening", 10)
        clients = [start(host, "iperf3", "-c", hosts[(i + 1) % len(hosts)].address, "-t", SECONDS, "-O", "1", "-J")
                   for i, host in enumerate(hosts)]
        processes += clients
        for client in clients:
            client.wait_line(r"^}", SECONDS + 20)
        return {hosts[(i + 1) % len(hosts)].name:
                json.loads(client.output())["end"]["sum_received"]["bits_per_second"] / 1e6
                for i, client in enumerate(clients)}
    finally:
        for process in processes:
            process.stop()
        room.close()


def ring(options):
    """Prints the rates; fails when one is not the link's."""
    before = cpu_times()
    rates = ring_rates(options)
    busy, whole = (now - then for now, then in zip(cpu_times(), before))
    if options.json:
        print(json.dumps({"rate_mbit": options.rate, "machine_busy": round(busy / whole, 3),
                          "received_mbit": {name: round(rate, 1) for name, rate in rates.items()}}))
    else:
        print("\n".join(f"{name:>5} {rate:8.1f} Mbit/s" for name, rate in rates.items()))
        print(f"machine {busy / whole:.0%} busy")
    wrong = [name for name, rate in rates.items() if not LEAST <= rate / options.rate <= MOST]
    if wrong:
        raise Failed(f"not {LEAST:.0%} to {MOST:.0%} of {options.rate:g} Mbit/s: {', '.join(wrong)}; machine "
                     f"{busy / whole:.0%} busy")
    return 0
