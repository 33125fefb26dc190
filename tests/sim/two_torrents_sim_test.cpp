// Two torrents in one process share its buffers: a run repeats from its seed all the same.
#include <gtest/gtest.h>

#include "sim/seeds.hpp"
#include "sim/swarm_lab.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

std::uint64_t trace_of(std::uint64_t seed) {
  const Image other({.total_length = 24 * MiB, .piece_length = 512 * KiB, .shrink = full_shrink, .seed = 2});
  LabSpec spec;
  spec.leechers = 6;
  spec.image = {.total_length = 24 * MiB, .piece_length = 1 * MiB, .shrink = full_shrink, .seed = 1};
  const auto both = [&](std::uint32_t, HostConfig& config) {
    config.jobs.emplace_back().image = &other;
    config.memory_bytes = 8 * MiB;  // so that they get into each other's way
  };
  Lab lab(seed, spec, both);
  HostConfig config = lab.seeder_config();
  both(0, config);
  config.jobs[1].seeding = true;
  lab.add(std::move(config));
  EXPECT_TRUE(lab.world.run(600s, [&] {
    return std::all_of(lab.leechers.begin(), lab.leechers.end(),
                       [](const Host* host) { return host->completed(0) && host->completed(1); });
  }));
  expect_clean(lab.world);
  return lab.world.trace.digest();
}

TEST(TwoTorrentsSim, TheSameSeedGivesTheSameRun) {
  for_each_seed([](std::uint64_t seed) { EXPECT_EQ(trace_of(seed), trace_of(seed)); }, 10);
}

}  // namespace
}  // namespace ezio::sim
