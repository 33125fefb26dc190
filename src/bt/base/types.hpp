// The nouns every part shares: byte spans, strong indices, digests, time.
//
// Core file: no I/O, no clock, no threads. Times are values that a driver passes in.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>

namespace ezio {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The core's only notion of time: it compares and adds, the driver reads the clock.
using Duration = std::chrono::steady_clock::duration;
using TimePoint = std::chrono::steady_clock::time_point;

// An index that cannot be mixed with another kind of index or with a byte count.
template <class Tag>
class StrongIndex {
 public:
  constexpr StrongIndex() = default;
  constexpr explicit StrongIndex(std::uint32_t value) : value_(value) {}
  constexpr std::uint32_t value() const { return value_; }
  constexpr auto operator<=>(const StrongIndex&) const = default;
  constexpr StrongIndex& operator++() {
    ++value_;
    return *this;
  }

 private:
  std::uint32_t value_ = 0;
};

using PieceIndex = StrongIndex<struct PieceTag>;      // 0-based piece of a torrent (BEP 3)
using BufferId = StrongIndex<struct BufferTag>;       // one fixed-size buffer of the pool
using PeerHandle = StrongIndex<struct PeerTag>;       // one connection of a swarm; never reused
using TargetIndex = StrongIndex<struct TargetTag>;    // position in a download's list of targets
using TrackerIndex = StrongIndex<struct TrackerTag>;  // position in a swarm's list of trackers

inline constexpr std::uint32_t KiB = 1024;
inline constexpr std::uint32_t MiB = 1024 * KiB;

// The unit in which BEP 3 clients request data, and in which a piece's progress is tracked.
inline constexpr std::uint32_t block_bytes = 16 * KiB;

using Sha1Digest = std::array<std::byte, 20>;

// SHA-1 over the raw bytes of a torrent's `info` dictionary (BEP 3).
struct InfoHash {
  Sha1Digest bytes{};
  auto operator<=>(const InfoHash&) const = default;
};

// The 20 bytes by which a peer names itself in handshakes and announces (BEP 3, BEP 20).
struct PeerId {
  std::array<std::byte, 20> bytes{};
  auto operator<=>(const PeerId&) const = default;
};

// Which zstd frame a segment is sent as (bt/frame/frame.hpp); 0: as it is.
using FrameId = std::uint32_t;

// A segment's zstd frame. Nothing where `bytes` is 0.
struct SegmentFrame {
  FrameId id = 0;
  std::uint32_t bytes = 0;  // of the frame
  auto operator<=>(const SegmentFrame&) const = default;
  explicit operator bool() const { return bytes > 0; }
};

// A run of bytes inside one piece: what a REQUEST, PIECE, CANCEL or REJECT message names. Where it has a
// frame they are bytes of that frame, as if it lay where its segment begins.
struct BlockSpan {
  PieceIndex piece;
  std::uint32_t begin = 0;   // bytes from the start of the piece
  std::uint32_t length = 0;  // bytes
  FrameId frame = 0;
  auto operator<=>(const BlockSpan&) const = default;
};

// A run of bytes on a device or disk image.
struct Extent {
  std::uint64_t offset = 0;  // bytes from the start of the device
  std::uint64_t length = 0;  // bytes
  auto operator<=>(const Extent&) const = default;
};

}  // namespace ezio

template <class Tag>
struct std::hash<ezio::StrongIndex<Tag>> {
  std::size_t operator()(ezio::StrongIndex<Tag> index) const noexcept { return index.value(); }
};
template <>
struct std::hash<ezio::InfoHash> {
  std::size_t operator()(const ezio::InfoHash& value) const noexcept {
    std::size_t prefix;  // a digest is uniform already: its first word is hash enough
    std::memcpy(&prefix, value.bytes.data(), sizeof prefix);
    return prefix;
  }
};
