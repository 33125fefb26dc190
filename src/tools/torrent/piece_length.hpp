// The --piece-length flag, and what is chosen without it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ezio {

// "16777216", "16384K", "16MiB" ...: a number with an optional K, KiB, M or MiB. Empty unless it is a piece
// length (a power of two from 16 KiB to 64 MiB).
std::optional<std::uint32_t> parse_piece_length(std::string_view text);

// The shortest pieces, from 1 to 16 MiB, of which there are no more than 8192: a peer passes on whole pieces
// only, so that short ones spread sooner, and many make large torrents and bitfields.
std::uint32_t default_piece_length(std::uint64_t total_length);

}  // namespace ezio
