// The --piece-length flag.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ezio {

// "16777216", "16384K", "16MiB" ...: a number with an optional K, KiB, M or MiB. Empty unless it is a piece
// length (a power of two from 16 KiB to 64 MiB).
std::optional<std::uint32_t> parse_piece_length(std::string_view text);

}  // namespace ezio
