// What a swarm may use of its process, the same for every driver. Core file.
#pragma once

#include <cstddef>

#include "bt/swarm/downloader.hpp"
#include "bt/swarm/memory_plan.hpp"

namespace ezio {

// `hash_streams`: pieces that this machine hashes cheapest together.
inline Downloader::Limits swarm_limits(const MemoryPlan& plan, std::size_t hash_streams) {
  Downloader::Limits limits;
  limits.buffers = plan.share;
  limits.hash_streams = static_cast<std::uint32_t>(hash_streams);
  return limits;
}

}  // namespace ezio
