// The tokens by which answers of the disk engine and the hash threads find back to what was asked.
#pragma once

#include <cstdint>

#include "bt/base/geometry.hpp"

namespace ezio {

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

inline std::uint64_t hash_token(std::uint32_t torrent, PieceIndex piece) {
  return (std::uint64_t{torrent} << 32) | piece.value();
}

}  // namespace ezio
