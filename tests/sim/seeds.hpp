// Runs a scenario from many seeds; a failure names its seed, EZIO_SIM_SEED=n replays that one alone.
// EZIO_SIM_SEEDS=n runs no more than n of each, for slow builds.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>

#include "sim/world.hpp"

namespace ezio::sim {

inline constexpr std::uint32_t default_seeds = 50;

// Stops at the first seed that fails. A seed on which the process aborts is printed, too.
void for_each_seed(const std::function<void(std::uint64_t seed)>& scenario,
                   std::uint32_t count = default_seeds);

// Ends the run in order and reports what it did that no run may do.
void expect_clean(World& world);

}  // namespace ezio::sim
