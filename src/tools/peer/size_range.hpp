// Sizes of disks as users write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ezio {

struct SizeRange {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
};

// MIN or MIN-MAX in bytes, or with a unit: K, M, G, T and KiB … are powers of 1024, KB … (also kB) of 1000,
// which is what is printed on disks. "450GB-600GB"; without MAX there is no upper bound. Empty when it is no
// such thing, or MIN exceeds MAX.
std::optional<SizeRange> parse_size_range(const std::string& text);

}  // namespace ezio
