"""The table of docs/PERFORMANCE.md."""
import dataclasses
import os
import platform
import re

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclasses.dataclass
class Row:
    what: str
    measured: str
    bar: str = ""
    met: bool | None = None  # None: no bar


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        text = file.read()
    model = re.search(r"^model name\s*: (.*)", text, re.MULTILINE)
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(re.search(r"MemTotal:\s*(\d+)", file.read()).group(1)) >> 20
    sha = "with" if re.search(r"^flags.*\bsha_ni\b", text, re.MULTILINE) else "without"
    return (f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} cores, {sha} SHA-NI, {memory} GiB, "
            f"Linux {platform.release()}")


def versions(run):
    def first(pattern, *argv):
        match = re.search(pattern, run(*argv))
        return match.group(1) if match else "?"
    programs = (
        ("libtorrent", r"(.+)", "/usr/bin/python3", "-c", "import libtorrent; print(libtorrent.__version__)"),
        ("aria2", r"version (\S+)", "aria2c", "--version"),
        ("mktorrent", r"mktorrent (\S+)", "mktorrent", "-h"),
        ("fio", r"fio-(\S+)", "fio", "--version"),
        ("iperf3", r"iperf (\S+)", "iperf3", "--version"),
        ("OpenSSL", r"OpenSSL (\S+)", "openssl", "version"),
    )
    return ", ".join(f"{name} {first(pattern, *argv)}" for name, pattern, *argv in programs)


def table(rows):
    lines = ["| what | measured | bar | met |", "|---|---|---|---|"]
    for row in rows:
        met = {True: "yes", False: "**no**", None: ""}[row.met]
        lines.append(f"| {row.what} | {row.measured} | {row.bar} | {met} |")
    return "\n".join(lines)


def replace_table(path, text):
    """Puts the text between the markers of the document."""
    with open(path, encoding="utf-8") as file:
        document = file.read()
    begin, end = document.index(BEGIN) + len(BEGIN), document.index(END)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(f"{document[:begin]}\n\n{text}\n\n{document[end:]}")
    os.replace(path + ".new", path)
