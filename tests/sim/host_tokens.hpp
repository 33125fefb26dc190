// Disk tokens of a simulated host: what was asked, of which segment.
#pragma once

#include <cstdint>

#include "bt/base/geometry.hpp"

namespace ezio::sim {

enum class DiskWork : std::uint64_t { read, write, inspect, zero, flush };

inline std::uint64_t disk_token(DiskWork work, SegmentRef segment) {
  return (static_cast<std::uint64_t>(work) << 56) | (std::uint64_t{segment.piece.value()} << 16) |
         segment.segment;
}
inline DiskWork token_work(std::uint64_t token) {
  return static_cast<DiskWork>(token >> 56);
}
inline SegmentRef token_segment(std::uint64_t token) {
  return {PieceIndex{static_cast<std::uint32_t>(token >> 16)}, static_cast<std::uint32_t>(token & 0xFFFF)};
}

}  // namespace ezio::sim
