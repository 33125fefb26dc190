#include "bt/swarm/memory_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace ezio {
namespace {

constexpr std::uint64_t min_read_buffers = 4;      // for segments read back to be served
constexpr std::uint64_t read_fraction = 16;        // of the pool that is kept for them
constexpr std::uint64_t page_cached_buffers = 64;  // on their way from the page cache to sockets

}  // namespace

Result<MemoryPlan> plan_memory(std::uint64_t budget_bytes, const std::vector<MemoryUser>& users) {
  assert(!users.empty());
  MemoryPlan plan;
  std::uint64_t usable = min_read_buffers;
  std::uint64_t largest_piece = 0;  // in buffers
  std::uint64_t leeching = 0;
  std::uint64_t pieces = 0;  // one of each that leeches, in buffers
  for (const MemoryUser& user : users) {
    plan.buffer_bytes = std::max(plan.buffer_bytes, user.geometry.segment_bytes());
  }
  for (const MemoryUser& user : users) {
    const std::uint64_t per_piece = user.geometry.segment_count(PieceIndex{0});
    const std::uint64_t whole = (user.frames ? 2 : 1) * per_piece * user.geometry.piece_count();
    usable += user.page_cached && !user.leeching ? std::min(whole, page_cached_buffers) : whole;
    if (!user.leeching) continue;
    ++leeching;
    largest_piece = std::max(largest_piece, per_piece);
    pieces += per_piece;
  }
  const std::uint64_t affordable = budget_bytes / plan.buffer_bytes;
  const std::uint64_t needed = largest_piece * leeching + min_read_buffers;
  if (affordable < needed) {
    return Error{
        fmt::format("--memory {} MiB is too little for {} torrents to leech and pieces of {} KiB: "
                    "give at least {} MiB",
                    budget_bytes / MiB, leeching, largest_piece * plan.buffer_bytes / KiB,
                    (needed * plan.buffer_bytes + MiB - 1) / MiB)};
  }
  plan.buffers = static_cast<std::uint32_t>(std::min({affordable, usable, std::uint64_t{1} << 24}));
  const std::uint64_t reserve = std::max(min_read_buffers, plan.buffers / read_fraction);
  const std::uint64_t even = leeching == 0 ? 0 : (plan.buffers - reserve) / leeching;
  plan.share = static_cast<std::uint32_t>(std::max(even, largest_piece));
  plan.sending = plan.buffers - static_cast<std::uint32_t>(pieces);
  return plan;
}

}  // namespace ezio
