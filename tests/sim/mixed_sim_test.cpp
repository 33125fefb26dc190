// Swarms of clients that speak different dialects, and ones that meet twice.
#include <gtest/gtest.h>

#include "sim/seeds.hpp"
#include "sim/swarm_lab.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

TEST(MixedSim, PeersWithoutTheFastExtensionOrLargeRequestsCompleteWithTheOthers) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 12;
    spec.image = {.total_length = 16 * MiB + 1, .piece_length = 1 * MiB, .shrink = full_shrink, .seed = 1};
    Lab lab(seed, spec, [](std::uint32_t i, HostConfig& config) {
      config.without_fast = i % 2 == 0;
      config.without_extensions = i % 3 == 0;
      config.largest_request = i % 4 == 0 ? block_bytes : 1 * MiB;
    });
    EXPECT_TRUE(lab.run_until_complete(120s));
    expect_clean(lab.world);
  });
}

TEST(MixedSim, ASeederOfTheOldProtocolIsEnough) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 6;
    Lab lab(seed, spec);
    lab.seeder->kill();
    HostConfig config = lab.seeder_config();
    config.without_fast = config.without_extensions = true;
    lab.world.start(lab.seeder->node(), config);
    EXPECT_TRUE(lab.run_until_complete(120s));
    expect_clean(lab.world);
  });
}

TEST(MixedSim, HostsThatDialEachOtherKeepOneConnection) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 6;
    spec.image.total_length = 64 * MiB;
    std::vector<Endpoint> everybody;
    for (std::uint32_t i = 0; i < 7; ++i) everybody.push_back(World(0).address(NodeId{i}));
    Lab lab(seed, spec, [&](std::uint32_t i, HostConfig& config) {
      config.peers = everybody;  // themselves included
      config.uses_tracker = i % 2 == 0;
    });
    lab.world.run_for(2s);
    for (const Host* host : lab.leechers) {
      std::set<PeerId> met;
      for (const auto& [handle, peer] : host->peers()) {
        if (peer.state == Peer::State::active) {
          EXPECT_TRUE(met.insert(peer.id).second) << "connected twice";
        }
      }
      EXPECT_EQ(met.size(), 6u);
    }
    EXPECT_TRUE(lab.run_until_complete(120s));
    expect_clean(lab.world);
  });
}

}  // namespace
}  // namespace ezio::sim
