#!/usr/bin/python3
"""Keeps the architecture: which file may include or call what, and how long it may get.

The core (protocol and policy) takes events and returns actions; it has no I/O, threads, clock or random
device, and includes only headers of the core. Sockets, disks and OpenSSL stay where they belong. Every rule is
first tried on a made-up file that breaks it.
"""

import fnmatch
import pathlib
import re
import sys
import unittest

MAX_LINES = 400

# The rooms of the house, each with those whose headers it may include: arrows go down only. What is in a folder
# may include its own folder.
ROOMS = {
    "src/bt/base": [],
    "src/bt/sha1": ["bt/base"],
    "src/bt/frame": ["bt/base"],
    "src/bt/metainfo": ["bt/base", "bt/sha1"],
    "src/bt/wire": ["bt/base", "bt/metainfo"],
    "src/bt/swarm": ["bt/base", "bt/metainfo", "bt/wire"],
    "src/bt/net": ["bt/base", "bt/wire"],
    "src/disk": ["bt/base", "bt/sha1", "bt/frame", "bt/metainfo", "bt/swarm"],
    "src/tracker": ["bt/base", "bt/metainfo", "bt/wire", "bt/net", "disk"],
    "src/tools/common": ["bt", "disk", "tracker"],
    "src/tools/torrent": ["bt", "disk", "tools/common"],
    "src/tools/tracker": ["bt", "disk", "tracker", "tools/common"],
    "src/tools/peer": ["bt", "disk", "tools/common"],
    "src/tools/bench": ["bt", "disk", "tools/common"],
}
# What src/disk may include of src/bt/swarm: the interface that a swarm needs of a disk, and nothing else.
DISK_SEES_OF_SWARM = ["bt/swarm/storage.hpp"]

# Rooms that are core: no I/O, no clock. Elsewhere the core is named, by stem.
CORE_ROOMS = ["src/bt/base", "src/bt/sha1", "src/bt/frame", "src/bt/metainfo", "src/bt/wire", "src/bt/swarm"]
CORE_ELSEWHERE = {
    "src/disk": ["extent_map", "grow_plan", "little_endian", "packed_format", "seek_table", "stored_bytes", "unused_space",
                 "write_plan", "zero_memory"],
    "src/tracker": ["access", "address_block", "address_counts", "announce_desk", "announce_query", "announce_reply",
                    "event_feed", "expectation", "host", "host_book", "host_life", "host_table", "log_line", "metrics_text",
                    "moment", "page_files", "page_text", "rate_curve", "registry", "report_text", "seeded_hash",
                    "state_text", "stats_json", "swarm_table", "tally", "torrent_rewrite", "verdict"],
    "src/tools/tracker": ["status_table"],
}

NOT_IN_CORE = [
    "boost/asio", "boost/asio/*", "boost/asio.hpp", "boost/beast", "boost/beast/*", "boost/beast.hpp",
    "liburing.h", "liburing/*", "linux/*", "sys/*", "netinet/*", "unistd.h", "fcntl.h", "poll.h", "dirent.h",
    "signal.h", "csignal", "pthread.h", "time.h", "ctime",
    "thread", "stop_token", "mutex", "shared_mutex", "condition_variable", "future", "semaphore", "latch",
    "barrier", "atomic", "iostream", "fstream", "filesystem", "cstdio", "stdio.h",
]
CALLS_NOT_IN_CORE = {
    r"::now\s*\(": "reads a clock",
    r"\brandom_device\b": "uses std::random_device",
    r"(?<![\w.>])(?:std::)?s?rand\s*\(": "uses rand()",
    r"(?<![\w.>:])(?:std::|::)?time\s*\(": "calls time()",
    r"\bclock_gettime\s*\(": "calls clock_gettime()",
    r"\bgettimeofday\s*\(": "calls gettimeofday()",
}
# A kernel's instruction set must not leak into inline functions that others share.
KERNEL_STEMS = ["avx*", "eight_lanes", "lanes", "rounds"]
KERNEL_INCLUDES = ["bt/sha1/eight_lanes.hpp", "bt/sha1/lanes.hpp", "bt/sha1/rounds.hpp", "immintrin.h", "stddef.h",
                   "stdint.h"]

OPENSSL_FILES = ["src/bt/sha1/*.cpp", "src/bt/net/tls.cpp"]

# Put together here, so that this file does not break its own rules.
WORDS_NOWHERE = ["TO" + "DO", "FIX" + "ME", "GTEST_" + "SKIP"]
CPP = (".cpp", ".hpp")


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def stem_and_directory(path):
    path = pathlib.PurePosixPath(path)
    return path.stem, str(path.parent)


def is_core(path):
    stem, directory = stem_and_directory(path)
    return directory in CORE_ROOMS or matches(stem, CORE_ELSEWHERE.get(directory, []))


def is_kernel(path):
    stem, directory = stem_and_directory(path)
    return directory == "src/bt/sha1" and matches(stem, KERNEL_STEMS)


def includes_of(text):
    return re.findall(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', text, re.MULTILINE)


def code_of(text):
    """The text without comments and without what stands in quotes."""
    pattern = r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])'"
    return re.sub(pattern, " ", text, flags=re.DOTALL)


def is_ours(include):
    return include.split("/")[0] in ("bt", "disk", "tracker", "tools")


def core_faults(text):
    for include in includes_of(text):
        if matches(include, NOT_IN_CORE):
            yield f"core file includes <{include}>"
        elif is_ours(include) and not is_core("src/" + include):
            yield f'core file includes "{include}", which is not core'


def call_faults(text):
    code = code_of(text)
    for pattern, what in CALLS_NOT_IN_CORE.items():
        if re.search(pattern, code):
            yield f"{what}: time and randomness are arguments here"


def room_faults(path, text):
    """Who may include whom."""
    directory = stem_and_directory(path)[1]
    if directory not in ROOMS:
        if directory.startswith("src/"):
            yield f"lies in {directory}, which is no room of the house"
        return
    for include in includes_of(text):
        room = str(pathlib.PurePosixPath(include).parent)
        if not is_ours(include) or "src/" + room == directory:
            continue
        if not any(room == below or room.startswith(below + "/") for below in ROOMS[directory]):
            yield f'includes "{include}": {directory} is below it or beside it'
        if directory == "src/disk" and room == "bt/swarm" and include not in DISK_SEES_OF_SWARM:
            yield f'includes "{include}": a disk sees the interface of a swarm, not the swarm'


def ownership_faults(path, text):
    """What only certain files of src may include."""
    for include in includes_of(text):
        if include.startswith("openssl/") and not matches(path, OPENSSL_FILES):
            yield f"includes <{include}>: OpenSSL belongs to src/bt/sha1 and src/bt/net/tls.cpp"
        if include.startswith("liburing") and not fnmatch.fnmatchcase(path, "src/disk/uring*"):
            yield f"includes <{include}>: liburing belongs to src/disk/uring*"
        if include == "immintrin.h" and not is_kernel(path):
            yield "includes <immintrin.h>: SIMD belongs to the kernels of src/bt/sha1"
        if is_kernel(path) and include not in KERNEL_INCLUDES:
            yield f"includes <{include}>: a SIMD kernel shares no library header"


def form_faults(path, text):
    if len(text.splitlines()) > MAX_LINES:
        yield f"is longer than {MAX_LINES} lines"
    for word in WORDS_NOWHERE:
        if re.search(rf"\b{word}\b", text):
            yield f"has a {word}"
    if path.endswith(".hpp"):
        if not text.startswith("//"):
            yield "does not start with a comment that says what it is"
        if "\n#pragma once\n" not in text:
            yield "has no #pragma once"


def faults_of(path, text):
    """What is wrong with one file; path is relative to the project, with forward slashes."""
    faults = list(form_faults(path, text))
    if path.startswith("src/") and path.endswith(CPP):
        faults += room_faults(path, text)
        faults += ownership_faults(path, text)
        if is_core(path):
            faults += core_faults(text)
    # A simulation has to replay from its seed.
    if path.endswith(CPP) and (is_core(path) or path.startswith("tests/sim/")):
        faults += call_faults(text)
    return faults


def project_files(root):
    for directory in ("src", "tests", "bench", "scripts"):
        for path in sorted((root / directory).rglob("*")):
            is_script = directory in ("bench", "scripts") and path.suffix == ""
            if path.is_file() and (path.suffix in (*CPP, ".py", ".sh", ".build") or is_script):
                yield path.relative_to(root).as_posix(), path


HEADER = "// What it is.\n#pragma once\n"


class Rules(unittest.TestCase):
    def assert_fault(self, path, text, fault):
        found = faults_of(path, text)
        self.assertTrue(any(fault in one for one in found), f"{path}: no fault {fault!r} in {found}")

    def assert_fine(self, path, text):
        self.assertEqual(faults_of(path, text), [], path)

    def test_a_good_file_has_no_faults(self):
        self.assert_fine("src/bt/swarm/rarity.hpp", HEADER + '#include <vector>\n#include "bt/base/types.hpp"\n')
        self.assert_fine("src/bt/swarm/rarity.cpp", '#include "bt/swarm/rarity.hpp"\n')

    def test_core_files_do_no_io_and_have_no_threads_or_clock(self):
        for include in ("boost/asio/ip/tcp.hpp", "boost/beast/http.hpp", "liburing.h", "sys/socket.h", "unistd.h",
                        "thread", "mutex", "condition_variable", "atomic", "iostream", "fstream"):
            for path in ("src/bt/swarm/swarm.cpp", "src/disk/write_plan.cpp", "src/tracker/registry.hpp"):
                self.assert_fault(path, HEADER + f"#include <{include}>\n", f"core file includes <{include}>")

    def test_core_files_call_no_clock_or_random_device(self):
        for call in ("Clock::now()", "std::chrono::steady_clock::now ()", "std::random_device{}()", "std::rand()",
                     "time(nullptr)", "::time(0)", "std::time(nullptr)", "clock_gettime(a, b)"):
            self.assert_fault("src/bt/swarm/choker.cpp", f"auto x = {call};\n", "arguments here")
            self.assert_fault("tests/sim/network.cpp", f"auto x = {call};\n", "arguments here")

    def test_words_in_comments_strings_and_other_names_are_no_calls(self):
        for text in ("// reads Clock::now()\n", 'auto s = "time(0)";\n', "x.time(0);\n", "next_time(0);\n",
                     "auto n = 1'000'000;\n", "/* std::random_device */\n", "strand(1);\n"):
            self.assert_fine("src/bt/swarm/choker.cpp", text)
        self.assert_fault("src/bt/swarm/choker.cpp", "char c = '\"'; auto t = Clock::now(); char d = '\"';\n", "clock")

    def test_core_files_include_only_core_headers(self):
        self.assert_fault("src/bt/swarm/swarm.cpp", '#include "disk/extent_map.hpp"\n#include "disk/storage.hpp"\n',
                          "disk/storage.hpp")
        self.assert_fault("src/bt/swarm/swarm.cpp", '#include "tools/peer/session.hpp"\n', "tools/peer/session.hpp")
        self.assert_fine("src/disk/extent_map.cpp", '#include "bt/base/types.hpp"\n#include "disk/extent_map.hpp"\n')

    def test_the_edge_may_include_what_it_drives(self):
        text = '#include <boost/asio/ip/tcp.hpp>\n#include <thread>\n#include "disk/storage.hpp"\n'
        for path in ("src/tools/peer/session.cpp", "src/tools/peer/session_net.cpp"):
            self.assert_fine(path, text)

    def test_the_core_of_bt_stays_away_from_the_disk(self):
        self.assert_fault("src/bt/swarm/rarity.cpp", '#include "disk/hasher.hpp"\n', "disk/hasher.hpp")

    def test_openssl_stays_in_sha1(self):
        self.assert_fine("src/bt/sha1/openssl.cpp", "#include <openssl/sha.h>\n")
        self.assert_fine("src/bt/net/tls.cpp", "#include <openssl/ssl.h>\n")
        for path in ("src/bt/wire/announce.hpp", "src/bt/metainfo/metainfo.cpp", "src/disk/hasher.cpp",
                     "src/bt/net/http_client.cpp",
                     "src/tools/bench/ezio_bench.cpp"):
            self.assert_fault(path, HEADER + "#include <openssl/evp.h>\n", "OpenSSL")
        self.assert_fine("tests/sha1_test.cpp", "#include <openssl/evp.h>\n")

    def test_liburing_stays_in_uring(self):
        self.assert_fine("src/disk/uring_executor.cpp", "#include <liburing.h>\n")
        for path in ("src/disk/engine.cpp", "src/tools/peer/session.cpp"):
            self.assert_fault(path, "#include <liburing.h>\n", "liburing")

    def test_simd_kernels_share_no_library_header(self):
        self.assert_fine("src/bt/sha1/avx2.cpp", '#include "bt/sha1/lanes.hpp"\n#include <immintrin.h>\n')
        self.assert_fault("src/bt/sha1/avx2.cpp", "#include <array>\n", "kernel")
        self.assert_fault("src/bt/sha1/lanes.hpp", HEADER + "#include <vector>\n", "kernel")
        self.assert_fault("src/bt/base/bitfield.cpp", "#include <immintrin.h>\n", "SIMD")

    def test_lower_directories_do_not_include_higher_ones(self):
        self.assert_fault("src/disk/hasher.cpp", '#include "tools/common/progress.hpp"\n', "below")
        self.assert_fault("src/tracker/server.cpp", '#include "tools/common/outcome.hpp"\n', "below")

    def test_headers_say_what_they_are_and_are_guarded(self):
        self.assert_fault("src/tools/common/progress.hpp", "#pragma once\n", "comment")
        self.assert_fault("src/tools/common/progress.hpp", "// What it is.\n", "#pragma once")
        self.assert_fault("tests/fixture.hpp", "\n#pragma once\n", "comment")

    def test_files_stay_short(self):
        self.assert_fine("tests/sim/swarm_test.cpp", "x;\n" * MAX_LINES)
        self.assert_fault("tests/sim/swarm_test.cpp", "x;\n" * (MAX_LINES + 1), "longer")

    def test_nothing_is_left_undone_or_skipped(self):
        for word in WORDS_NOWHERE:
            self.assert_fault("tests/net_test.cpp", f"// {word}: later\n", word)


class Project(unittest.TestCase):
    root = pathlib.Path(__file__).resolve().parent.parent

    def test_every_file_keeps_the_rules(self):
        faults = []
        for path, file in project_files(self.root):
            faults += [f"{path}: {fault}" for fault in faults_of(path, file.read_text("utf-8"))]
        self.assertEqual(faults, [], "\n" + "\n".join(faults))

    def test_the_core_is_where_the_rules_look_for_it(self):
        core = {path for path, _ in project_files(self.root) if is_core(path)}
        for path in ("src/bt/base/geometry.hpp", "src/bt/wire/wire.hpp", "src/bt/swarm/rarity.cpp",
                     "src/bt/swarm/swarm.cpp", "src/disk/extent_map.cpp", "src/disk/write_plan.cpp", "src/tracker/registry.cpp"):
            self.assertIn(path, core)
        self.assertFalse(any("session" in path for path in core))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
