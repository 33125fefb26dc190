// Turns a run of torrent bytes in memory into transfers that the device accepts.
//
// O_DIRECT (open(2)) wants the device offset, the length and the memory address aligned. What is aligned goes
// straight between memory and device; what is aligned on the device only goes through a bounce buffer; a
// sector of which only some bytes belong to the run is an edge: it is read, changed in these bytes and
// written back, so that the bytes beside an extent survive.
//
// Core file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "disk/extent_map.hpp"

namespace ezio {

// One transfer is no longer than this, so that a large request keeps several in flight.
inline constexpr std::uint32_t max_transfer_bytes = 1 * MiB;
// The size of one bounce buffer; a multiple of every sector size that is used with O_DIRECT.
inline constexpr std::uint32_t bounce_bytes = 64 * KiB;

// What transfers of a file must be multiples of. Powers of two, sector <= bounce_bytes.
struct IoAlignment {
  std::uint32_t sector = 1;  // of device offset and length; 1: buffered I/O, anything goes
  std::uint32_t memory = 1;  // of the memory address
};

enum class OpKind : std::uint8_t {
  read,
  write,
  edge,   // read one sector, change the useful bytes, write it back
  zero,   // make whole sectors zeros; of any length
  flush,  // not planned here, as the next
  flush_and_forget,
};
// Whether it changes what the device holds.
constexpr bool changes_device(OpKind kind) {
  return kind == OpKind::write || kind == OpKind::edge || kind == OpKind::zero;
}

// A step of a plan. The transfer is [offset, offset + length) on the device; of it the bytes
// [skip, skip + useful) come from or go to `memory`. Not bounced: skip = 0 and useful = length.
struct DiskOp {
  OpKind kind = OpKind::read;
  bool bounced = false;
  std::uint32_t run = 0;        // index into the ExtentMap
  std::uint64_t offset = 0;     // bytes, on the device
  std::uint32_t length = 0;     // bytes
  std::uint32_t skip = 0;       // bytes
  std::uint32_t useful = 0;     // bytes, > 0
  std::byte* memory = nullptr;  // the caller's; only read from by writes and edges
};

// Plans one request step by step, in torrent order. The map must outlive the cursor.
class PlanCursor {
 public:
  enum class Direction : std::uint8_t { read, write, zero };

  // Plans nothing.
  PlanCursor() = default;
  // [torrent_offset, torrent_offset + length) must lie inside the torrent. `memory` is not used to zero.
  PlanCursor(const ExtentMap& map, Direction direction, IoAlignment alignment, std::uint64_t torrent_offset,
             std::byte* memory, std::uint64_t length);

  bool done() const { return left_ == 0; }
  DiskOp next();  // only when not done()

 private:
  const ExtentMap* map_ = nullptr;
  Direction direction_ = Direction::read;
  IoAlignment alignment_;
  std::uint64_t torrent_offset_ = 0;
  std::byte* memory_ = nullptr;
  std::uint64_t left_ = 0;
  std::size_t run_ = 0;
};

}  // namespace ezio
