// Swarms in which nobody misbehaves.
#include <gtest/gtest.h>

#include "sim/seeds.hpp"
#include "sim/swarm_lab.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

TEST(SwarmSim, OneSeederAndTwentyLeechersComplete) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.image.shrink = no_shrink;
    spec.image.total_length = 1 * MiB + 4321 + seed;
    spec.image.piece_length = 64 * KiB;
    spec.quantum = 900 + static_cast<std::uint32_t>(seed) * 531;  // messages and payload are cut anywhere
    Lab lab(seed, spec);
    EXPECT_TRUE(lab.run_until_complete(60s));
    expect_clean(lab.world);
  });
}

std::uint64_t trace_of(std::uint64_t seed) {
  Lab lab(seed, {});
  EXPECT_TRUE(lab.run_until_complete(60s));
  expect_clean(lab.world);
  return lab.world.trace.digest();
}

TEST(SwarmSim, TheSameSeedGivesTheSameRun) {
  for_each_seed([](std::uint64_t seed) { EXPECT_EQ(trace_of(seed), trace_of(seed)); }, 5);
}

TEST(SwarmSim, OtherSeedsGiveOtherRuns) {
  EXPECT_NE(trace_of(1), trace_of(2));
}

}  // namespace
}  // namespace ezio::sim
