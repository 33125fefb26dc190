#include "disk/write_plan.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

#include "disk/zero_memory.hpp"

namespace ezio {
namespace {

std::uint64_t round_down(std::uint64_t value, std::uint32_t unit) {
  return value & ~(std::uint64_t{unit} - 1);
}
std::uint64_t round_up(std::uint64_t value, std::uint32_t unit) {
  return round_down(value + unit - 1, unit);
}

bool aligned(const std::byte* memory, std::uint32_t unit) {
  return (reinterpret_cast<std::uintptr_t>(memory) & (unit - 1)) == 0;
}

std::uint32_t at_most(std::uint64_t length, std::uint32_t limit) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(length, limit));
}

struct Piece {  // of one run: what is left of it inside the request
  std::uint64_t offset;
  std::uint64_t length;
  std::byte* memory;
};

DiskOp direct(OpKind kind, const Piece& piece, IoAlignment alignment) {
  const std::uint32_t length = at_most(round_down(piece.length, alignment.sector), max_transfer_bytes);
  return {.kind = kind, .offset = piece.offset, .length = length, .useful = length, .memory = piece.memory};
}

// A transfer of whole sectors around the piece's first bytes, at most max_length of it.
DiskOp bounced(OpKind kind, const Piece& piece, IoAlignment alignment, std::uint32_t max_length) {
  const std::uint64_t begin = round_down(piece.offset, alignment.sector);
  const std::uint64_t end = round_up(piece.offset + piece.length, alignment.sector);
  const std::uint32_t length = at_most(end - begin, max_length);
  const auto skip = static_cast<std::uint32_t>(piece.offset - begin);
  return {.kind = kind,
          .bounced = true,
          .offset = begin,
          .length = length,
          .skip = skip,
          .useful = at_most(piece.length, length - skip),
          .memory = piece.memory};
}

DiskOp plan_write(const Piece& piece, IoAlignment alignment) {
  if (piece.offset % alignment.sector != 0 || piece.length < alignment.sector) {
    return bounced(OpKind::edge, piece, alignment, alignment.sector);
  }
  if (aligned(piece.memory, alignment.memory)) return direct(OpKind::write, piece, alignment);
  // Whole sectors only: the rest of the last one is an edge and comes after.
  const Piece whole{piece.offset, round_down(piece.length, alignment.sector), piece.memory};
  return bounced(OpKind::write, whole, alignment, bounce_bytes);
}

DiskOp plan_zero(const Piece& piece, IoAlignment alignment) {
  if (piece.offset % alignment.sector != 0 || piece.length < alignment.sector) {
    return bounced(OpKind::edge, piece, alignment, alignment.sector);
  }
  constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max() - bounce_bytes + 1;
  const std::uint32_t length = at_most(round_down(piece.length, alignment.sector), most);
  return {.kind = OpKind::zero,
          .offset = piece.offset,
          .length = length,
          .useful = length,
          .memory = piece.memory};
}

DiskOp plan_read(const Piece& piece, IoAlignment alignment) {
  const std::uint64_t first_whole = round_up(piece.offset, alignment.sector);
  const std::uint64_t before = first_whole - piece.offset;
  const bool has_whole = before + alignment.sector <= piece.length;
  const bool rest_goes_direct = has_whole && aligned(piece.memory + before, alignment.memory);
  if (!rest_goes_direct) return bounced(OpKind::read, piece, alignment, bounce_bytes);
  if (before > 0) return bounced(OpKind::read, piece, alignment, alignment.sector);
  return direct(OpKind::read, piece, alignment);
}

DiskOp plan(PlanCursor::Direction direction, const Piece& piece, IoAlignment alignment) {
  switch (direction) {
    case PlanCursor::Direction::read:
      return plan_read(piece, alignment);
    case PlanCursor::Direction::write:
      return plan_write(piece, alignment);
    case PlanCursor::Direction::zero:
      return plan_zero(piece, alignment);
  }
  assert(false);
  return {};
}

}  // namespace

PlanCursor::PlanCursor(const ExtentMap& map, Direction direction, IoAlignment alignment,
                       std::uint64_t torrent_offset, std::byte* memory, std::uint64_t length)
    : map_(&map),
      direction_(direction),
      alignment_(alignment),
      torrent_offset_(torrent_offset),
      memory_(direction == Direction::zero ? zero_memory() : memory),
      left_(length) {
  assert(torrent_offset <= map.total_length() && length <= map.total_length() - torrent_offset);
  assert(alignment.sector <= bounce_bytes && (alignment.sector & (alignment.sector - 1)) == 0);
  assert((alignment.memory & (alignment.memory - 1)) == 0);
  if (length > 0) run_ = map.run_at(torrent_offset);
}

DiskOp PlanCursor::next() {
  assert(!done());
  const DeviceRun run = map_->run(run_);
  const std::uint64_t inside = torrent_offset_ - run.torrent_offset;
  const Piece piece{run.device_offset + inside, std::min(left_, run.length - inside), memory_};
  DiskOp op = plan(direction_, piece, alignment_);
  op.run = static_cast<std::uint32_t>(run_);
  assert(op.useful > 0 && op.useful <= piece.length && op.skip + op.useful <= op.length);
  torrent_offset_ += op.useful;
  if (direction_ != Direction::zero) memory_ += op.useful;
  left_ -= op.useful;
  if (inside + op.useful == run.length) ++run_;
  return op;
}

}  // namespace ezio
