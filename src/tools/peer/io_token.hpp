// The tokens by which answers of the disk engine and the hash threads find back to what was asked.
#pragma once

#include <cstdint>
#include <optional>

#include "bt/base/geometry.hpp"
#include "bt/base/target_set.hpp"

namespace ezio {

// read_to_pack: of a segment that FrameEngine packs then.
enum class DiskWork : std::uint64_t { read, write, inspect, zero, flush, read_to_pack };

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

// The owner of a storage: which torrent's, and which of its targets.
struct StorageOwner {
  std::uint32_t torrent = 0;
  TargetIndex target;
};
inline std::uint64_t storage_owner(const StorageOwner& owner) {
  return std::uint64_t{owner.torrent} * TargetSet::most + owner.target.value();
}
inline StorageOwner storage_owner(std::uint64_t value) {
  return {static_cast<std::uint32_t>(value / TargetSet::most),
          TargetIndex{static_cast<std::uint32_t>(value % TargetSet::most)}};
}

// A piece that is being hashed: as it is fetched, or as one of the targets holds it.
struct HashToken {
  std::uint32_t torrent = 0;
  PieceIndex piece;
  std::optional<TargetIndex> inspected;
  auto operator<=>(const HashToken&) const = default;
};
inline std::uint64_t hash_token(const HashToken& token) {
  const std::uint64_t target = token.inspected ? token.inspected->value() + 1 : 0;
  return (std::uint64_t{token.torrent} << 40) | (target << 32) | token.piece.value();
}
inline HashToken hash_token(std::uint64_t value) {
  HashToken token{static_cast<std::uint32_t>(value >> 40), PieceIndex{static_cast<std::uint32_t>(value)}, {}};
  const auto target = static_cast<std::uint32_t>(value >> 32 & 0xFF);
  if (target > 0) token.inspected = TargetIndex{target - 1};
  return token;
}

// A segment that is being packed or unpacked.
struct FrameToken {
  std::uint32_t torrent = 0;
  SegmentRef segment;
};
inline std::uint64_t frame_token(const FrameToken& token) {
  static_assert(max_piece_segments <= 256);
  return (std::uint64_t{token.torrent} << 40) | (std::uint64_t{token.segment.piece.value()} << 8) |
         token.segment.segment;
}
inline FrameToken frame_token(std::uint64_t value) {
  return {static_cast<std::uint32_t>(value >> 40),
          {PieceIndex{static_cast<std::uint32_t>(value >> 8)}, static_cast<std::uint32_t>(value & 0xFF)}};
}

}  // namespace ezio
