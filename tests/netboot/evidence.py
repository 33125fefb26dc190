"""What is left of a machine that did not come up: kept beside the run, so that the failure explains itself without a second one.

A directory a machine in EZIO_NETBOOT_EVIDENCE, or below /var/tmp: its consoles, its screen, its firmware's variables and
partition table, and where its processor was, three times within two seconds.
"""
import os
import shutil
import socket
import subprocess
import time

STATE = ("info status", "info registers", "x/8i $pc", "info pic", "info jit")
SAMPLES = 3


def directory():
    path = os.environ.get("EZIO_NETBOOT_EVIDENCE") or f"/var/tmp/ezio-netboot-evidence-{os.getpid()}"
    os.makedirs(path, exist_ok=True)
    return path


def ask(monitor, text, seconds=10):
    """One command of qemu's monitor and what it answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect(monitor)
        answer = b""
        while not answer.endswith(b"(qemu) "):
            answer += connection.recv(65536)
        connection.sendall(text.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"(qemu) "):
            data = connection.recv(65536)
            if not data:
                break
            answer += data
        # The first line is the echo, drawn anew with each letter.
        return answer.decode(errors="replace").partition("\n")[2].removesuffix("(qemu) ").replace("\r", "")


def keep(machine):
    """Saves it and returns a few lines for the report, which is never lost for it."""
    try:
        return "\n".join(_keep(machine))
    except OSError as error:
        return f"no more could be kept: {error}"


def _keep(machine):
    place = os.path.join(directory(), machine.name)
    os.makedirs(place, exist_ok=True)
    for path in machine.files:
        if os.path.exists(path):
            shutil.copyfile(path, os.path.join(place, os.path.basename(path)))
    table = subprocess.run(["sfdisk", "-d", machine.disk], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    _write(place, "partitions", table.stdout + table.stderr)
    lines = [f"kept in {place}"]
    if machine.process.running():
        lines += _processor(machine.monitor, place)
    return lines


def _processor(monitor, place):
    ask(monitor, f"screendump {place}/screen.ppm")
    text, seen = "", []
    for _ in range(SAMPLES):
        for command in STATE:
            answer = ask(monitor, command)
            text += f"(qemu) {command}\n{answer}\n"
            if command == "info registers":
                seen += [line.strip() for line in answer.splitlines() if line.startswith(("RIP=", "EIP="))]
        time.sleep(0.7)
    _write(place, "processor", text)
    return ["its processor: " + line for line in seen]


def _write(place, name, text):
    with open(os.path.join(place, name), "w", encoding="utf-8") as file:
        file.write(text)
