// What a swarm may use of its host and of its neighbours: the same for every driver, so that a simulation
// tells the truth. Core file.
#pragma once

#include <cstdint>

#include "bt/base/types.hpp"
#include "bt/swarm/memory_plan.hpp"

namespace ezio {

struct SwarmLimits {
  std::uint32_t buffers = 0;                  // of the pool that pieces in flight may hold
  std::uint32_t sending = ~std::uint32_t{0};  // of the pool that uploads of all torrents may be sent from
  std::uint32_t largest_request = 1 * MiB;    // bytes; what we ask of a peer that offers as much
  std::uint32_t mesh = 50;                    // connections of a host in a swarm of no more hosts than that
  std::uint32_t degree = 32;                  // and in a larger one
};

inline SwarmLimits swarm_limits(const MemoryPlan& plan) {
  SwarmLimits limits;
  limits.buffers = plan.share;
  limits.sending = plan.sending;
  return limits;
}

}  // namespace ezio
