// A whole fleet in one process.
#include <gtest/gtest.h>

#include "sim/seeds.hpp"
#include "sim/swarm_lab.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

TEST(LargeSwarmSim, AThousandLeechersCompleteFromOneSeeder) {
  for_each_seed(
      [](std::uint64_t seed) {
        LabSpec spec;
        spec.leechers = 1000;
        spec.image = {.total_length = 64 * MiB, .piece_length = 4 * MiB, .shrink = full_shrink, .seed = 1};
        spec.link.up = spec.link.down = 125e6;
        spec.quantum = 256 * KiB;  // the coarse network
        Lab lab(seed, spec, [](std::uint32_t, HostConfig& config) { config.memory_bytes = 32 * MiB; });
        EXPECT_TRUE(lab.run_until_complete(300s));
        expect_clean(lab.world);
      },
      1);
}

}  // namespace
}  // namespace ezio::sim
