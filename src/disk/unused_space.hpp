// The space of a device that a clone leaves unused: what may be handed back to it (--discard-unused).
//
// Core file: arithmetic on extents, no I/O.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bt/base/types.hpp"

namespace ezio {

// A device forgets whole units only: they begin at first + n * size.
struct DiscardUnits {
  std::uint64_t size = 1;   // bytes, > 0
  std::uint64_t first = 0;  // bytes, < size
  bool operator==(const DiscardUnits&) const = default;
};

// From what the kernel says of a device, all in bytes: queue/discard_granularity and discard_alignment
// (Linux, Documentation/ABI/stable/sysfs-block), and its logical sector, a power of two, of which BLKDISCARD
// wants multiples. Where the first two are none, they are passed over: they are the device's wish, the sector
// is the kernel's demand.
DiscardUnits discard_units(std::uint64_t granularity, std::uint64_t alignment, std::uint64_t sector);

// Each discard is a command of its own, and of shorter ones a drive hardly has a use.
inline constexpr std::uint64_t least_discard_bytes = 64 * KiB;
// Of the end of a file system, where NTFS keeps the copy of its boot sector, which no dump has: left alone.
inline constexpr std::uint64_t kept_at_end_bytes = 64 * KiB;

// What may be discarded, ascending: ranges of whole units and at least `least` bytes that lie between two
// extents, or behind the last one and kept_at_end_bytes before `end`, where the file system ends (<= the last
// extent's end: it is not known). None has a byte of an extent, of what is before the first one (a boot
// loader's, perhaps), or at or behind `end`. `extents` as Metainfo guarantees them: disjoint, below
// max_device_bytes.
std::vector<Extent> unused_space(std::span<const Extent> extents, std::uint64_t end, DiscardUnits units,
                                 std::uint64_t least = least_discard_bytes);

}  // namespace ezio
