// How the memory budget becomes a pool, and how torrents share it. Core file.
#pragma once

#include <cstdint>
#include <vector>

#include "bt/base/geometry.hpp"
#include "bt/base/result.hpp"

namespace ezio {

struct MemoryPlan {
  std::uint32_t buffer_bytes = 0;  // of each buffer: the largest segment of any torrent
  std::uint32_t buffers = 0;       // in the pool
  std::uint32_t share = 0;         // buffers that one leeching torrent may hold for pieces in flight
  std::uint32_t sending = 0;       // buffers that leave each leeching torrent one piece: those of uploads
};

struct MemoryUser {
  Geometry geometry;
  bool leeching = false;
  // A source that the kernel caches: buffers beyond those on their way would hold it a second time.
  bool page_cached = false;
  bool frames = false;  // segments may come, or be packed, as zstd frames, in buffers beside their own
};

// No more buffers than the torrents could ever use. An error, saying how much is needed, when the budget does
// not hold one piece of each leeching torrent and a few buffers to serve from.
Result<MemoryPlan> plan_memory(std::uint64_t budget_bytes, const std::vector<MemoryUser>& users);

}  // namespace ezio
