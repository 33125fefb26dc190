// The rules every list of extents keeps, wherever it came from: a torrent, torrent.info, a directory.
//
// Core file.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "bt/base/types.hpp"

namespace ezio {

// The first extent found to break a rule, and how: "overlaps 4096 bytes at offset 0x1000".
struct ExtentFault {
  std::size_t index = 0;
  std::string what;
};

// Empty when there is at least one extent, none is empty, every end lies below max_device_bytes and no two
// overlap. Linear for extents in ascending order, else one sort. Disjoint extents below max_device_bytes have
// a sum below it too.
std::optional<ExtentFault> find_extent_fault(std::span<const Extent> extents);

// The largest end of any extent.
std::uint64_t extents_end(std::span<const Extent> extents);

std::uint64_t total_length(std::span<const Extent> extents);

// "4096 bytes at offset 0x1000"
std::string to_string(const Extent& extent);

}  // namespace ezio
