"""Extents of a partclone dump, the pattern that targets are filled with, and the comparison of bytes."""
import os
import random

# Byte o of a pre-patterned target is PATTERN[o % len(PATTERN)]: no zero, and the prime length makes the
# bytes depend on the position, so that data moved by a sector or a page is seen.
_PERIOD = 1048573
_rng = random.Random(20240229)
PATTERN = bytes(_rng.choices(range(1, 256), k=_PERIOD))
_TILED = PATTERN * 6  # any CHUNK of it starts within the first period
CHUNK = 4 * 1024 * 1024


def pattern(offset, length):
    """The pattern's bytes [offset, offset + length), length at most CHUNK."""
    start = offset % _PERIOD
    return _TILED[start:start + length]


def fill_pattern(path, size):
    with open(path, "wb") as file:
        for offset in range(0, size, CHUNK):
            file.write(pattern(offset, min(CHUNK, size - offset)))


def read_torrent_info(path):
    """The extents of a torrent.info as a list of (offset, length)."""
    extents = []
    offset = None
    with open(path, encoding="ascii") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key == "offset":
                offset = int(value, 16)
            elif key == "length":
                extents.append((offset, int(value, 16)))
    return extents


def _chunks(start, end):
    while start < end:
        length = min(CHUNK, end - start)
        yield start, length
        start += length


def _first_difference(actual, expected):
    for index, (a, b) in enumerate(zip(actual, expected)):
        if a != b:
            return index
    return min(len(actual), len(expected))


def _compare(fd, start, end, expected, what):
    """Fails with the first differing byte of [start, end); expected(offset, length) gives the bytes."""
    for offset, length in _chunks(start, end):
        actual = os.pread(fd, length, offset)
        wanted = expected(offset, length)
        if actual != wanted:
            at = _first_difference(actual, wanted)
            raise AssertionError(f"{what} differs at byte {offset + at:#x} "
                                 f"(range {start:#x}..{end:#x}): {actual[at:at + 8].hex()} "
                                 f"instead of {wanted[at:at + 8].hex()}")


def assert_clone(target_path, source_path, extents):
    """Extents hold the source's bytes, everything else the pattern still."""
    target = os.open(target_path, os.O_RDONLY)
    source = os.open(source_path, os.O_RDONLY)
    try:
        position = 0
        for offset, length in sorted(extents):
            _compare(target, position, offset, pattern, "the space between extents")
            _compare(target, offset, offset + length, lambda at, n: os.pread(source, n, at), "an extent")
            position = offset + length
        _compare(target, position, os.stat(target_path).st_size, pattern, "the space after the last extent")
    finally:
        os.close(target)
        os.close(source)


def assert_untouched(path):
    """Every byte is still the pattern."""
    fd = os.open(path, os.O_RDONLY)
    try:
        _compare(fd, 0, os.fstat(fd).st_size, pattern, "a target that must not be written")
    finally:
        os.close(fd)


def assert_same_files(directory, reference):
    """Each offset-named file of `reference` is in `directory` with the same bytes."""
    names = [n for n in os.listdir(reference) if n != "torrent.info"]
    for name in names:
        with open(os.path.join(reference, name), "rb") as a, open(os.path.join(directory, name), "rb") as b:
            if a.read() != b.read():
                raise AssertionError(f"{directory}/{name} differs from {reference}/{name}")
