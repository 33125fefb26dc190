// Where a benchmark's data lies on the device: one run of it, or many extents as a used file system has them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bt/base/types.hpp"

namespace ezio {

inline constexpr std::uint32_t layout_block_bytes = 4 * KiB;  // of the imagined file system
inline constexpr std::uint32_t layout_max_gap_bytes = 32 * KiB;

// One extent at offset 0.
std::vector<Extent> contiguous_layout(std::uint64_t total_bytes);

// `count` extents, ascending, that add up to total_bytes: whole blocks of lengths that spread evenly from one
// block to about twice the mean, with gaps of one block to layout_max_gap_bytes. The same for the same
// arguments. total_bytes is a multiple of the block and has at least a block for each extent.
std::vector<Extent> scattered_layout(std::uint64_t total_bytes, std::uint32_t count);

// "one extent" or "341 extents of 4 KiB-16 MiB"
std::string describe_layout(const std::vector<Extent>& extents);

}  // namespace ezio
