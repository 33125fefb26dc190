"""A PC under qemu without KVM: its disk, its network card on the lab's bridge, and its serial console with the time of each line."""
import os
import re
import shutil
import threading
import time

# For what qemu has translated. Each start of a program lies elsewhere in memory and is translated anew; in the gigabyte that qemu takes unless
# told, a million stale blocks gather, and a machine that overwrites them as it starts again does little else for minutes.
TRANSLATED_MIB = 128
OVMF = "/usr/share/OVMF/OVMF_"

# Card and disk of different makes, so that more than one driver has to be found.
DEVICES = {
    "e1000, NVMe": ["-device", "e1000,netdev=net0,mac={mac},bootindex=1",
                    "-device", "nvme,drive=disk0,bootindex=2,serial={name}"],
    # Without an option ROM the firmware's own PXE is used.
    "virtio": ["-device", "virtio-net-pci,netdev=net0,mac={mac},bootindex=1,romfile=",
               "-device", "virtio-blk-pci,drive=disk0,bootindex=2,serial={name}"],
    "e1000, AHCI": ["-device", "e1000,netdev=net0,mac={mac},bootindex=1",
                    "-device", "ahci,id=ahci", "-device", "ide-hd,drive=disk0,bus=ahci.0,bootindex=2,serial={name}"],
}


class Lines:
    """The lines of a growing file, each with the second in which it was seen, and what the process had computed by then: on a machine that
    is busy with other things that says more than the clock."""

    def __init__(self, path, started, pid):
        self.path = path
        self.started = started
        self.lines = []
        self.computed = []
        self._pid = pid
        self._stop = False
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self):
        rest, offset = b"", 0
        while not self._stop:
            try:
                with open(self.path, "rb") as file:
                    file.seek(offset)
                    data = file.read()
            except FileNotFoundError:
                data = b""
            offset += len(data)
            *whole, rest = (rest + data).split(b"\n")
            now = time.monotonic() - self.started
            if whole:
                self.computed += [cpu_seconds(self._pid)] * len(whole)
                self.lines += [(now, clean(line)) for line in whole]
            time.sleep(0.1)

    def find(self, pattern):
        """(seconds, line) of the first line that matches, or None."""
        for seconds, line in list(self.lines):
            if re.search(pattern, line):
                return seconds, line
        return None

    def moment(self, pattern):
        """(seconds, seconds computed) of the first line that matches, or None."""
        for (seconds, line), computed in zip(list(self.lines), self.computed):
            if re.search(pattern, line):
                return seconds, computed
        return None

    def close(self):
        self._stop = True
        self._thread.join(5)

    def tail(self, count=60):
        return "\n".join(f"{seconds:7.1f}  {line}" for seconds, line in self.lines[-count:])


def cpu_seconds(pid):
    """User and system time of all threads so far."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def clean(raw):
    text = raw.decode(errors="replace").replace("\r", "")
    return re.sub(r"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x00-\x08\x0b-\x1f]", "", text)


class Machine:
    """Boots from the network first, then from its disk."""

    def __init__(self, case, name, tap, mac, disk, kind, firmware="BIOS", memory_mib=768):
        self.name, self.mac, self.disk = name, mac, disk
        directory = case.temp_dir(name)
        serial, variables, log = (os.path.join(directory, part) for part in ("serial", "vars.fd", "firmware"))
        self.files = (serial, variables, log)
        self.monitor = os.path.join(directory, "monitor")
        argv = ["qemu-system-x86_64", "-accel", f"tcg,thread=multi,tb-size={TRANSLATED_MIB}", "-cpu", "max", "-smp", "1", "-m", str(memory_mib), "-display", "none",
                "-vga", "std", "-nodefaults", "-serial", f"file:{serial}", "-monitor", f"unix:{self.monitor},server=on,wait=off",
                "-device", "virtio-rng-pci",
                # What firmware has to say of itself. (Debian's OVMF is built to say nothing.)
                "-debugcon", f"file:{log}", "-global", "isa-debugcon.iobase=0x402",
                "-netdev", f"tap,id=net0,ifname={tap},script=no,downscript=no",
                "-drive", f"if=none,id=disk0,file={disk},format=raw,cache=unsafe"]
        argv += ["-machine", "pc"] if firmware == "BIOS" else self._uefi(variables, firmware == "UEFI, Secure Boot")
        argv += [word.format(mac=mac, name=name) for word in DEVICES[kind]]
        self.process = case.spawn(name, argv, netns=case.lab.switch)
        self.serial = Lines(serial, self.process.started, self.process.pid)
        case.addCleanup(self.serial.close)

    @staticmethod
    def _uefi(variables, secure_boot):
        """Secure Boot: with the keys of Microsoft in the firmware."""
        shutil.copyfile(OVMF + ("VARS_4M.ms.fd" if secure_boot else "VARS_4M.fd"), variables)
        code = OVMF + ("CODE_4M.secboot.fd" if secure_boot else "CODE_4M.fd")
        return ["-machine", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on",
                "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}",
                "-drive", f"if=pflash,format=raw,unit=1,file={variables}"]
