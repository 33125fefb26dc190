// How swarms begin and end: trackers, late comers, stalls, lingering, shared and scarce memory.
#include <gtest/gtest.h>

#include "sim/seeds.hpp"
#include "sim/swarm_lab.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

TEST(LifeSim, ATrackerThatIsDownAtTheStartDelaysTheSwarmAndNoMore) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 8;
    Lab lab(seed, spec);
    const TimePoint back = lab.world.clock.now() + 15s;
    lab.world.tracker.down_between(lab.world.clock.now(), back);
    EXPECT_TRUE(lab.run_until_complete(120s));
    EXPECT_GT(lab.last_completion(), back);
    expect_clean(lab.world);
  });
}

TEST(LifeSim, LeechersThatJoinLateComplete) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 6;
    Lab lab(seed, spec);
    for (int i = 0; i < 6; ++i) {
      lab.world.run_for(std::chrono::milliseconds(lab.world.random() % 2000));
      lab.leechers.push_back(&lab.add(lab.leecher_config()));
    }
    EXPECT_TRUE(lab.run_until_complete(120s));
    expect_clean(lab.world);
  });
}

TEST(LifeSim, NoTrackerIsNeededWhereAPeerIsNamed) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 5;
    const Endpoint seeder = World(0).address(NodeId{0});
    Lab lab(seed, spec, [&](std::uint32_t, HostConfig& config) {
      config.uses_tracker = false;
      config.peers = {seeder};
    });
    EXPECT_TRUE(lab.run_until_complete(120s));
    expect_clean(lab.world);
  });
}

TEST(LifeSim, TwoTorrentsShareOnePool) {
  for_each_seed([](std::uint64_t seed) {
    const Image other({.total_length = 5 * MiB, .piece_length = 256 * KiB, .shrink = full_shrink, .seed = 2});
    LabSpec spec;
    spec.leechers = 8;
    Lab lab(seed, spec, [&](std::uint32_t, HostConfig& config) {
      config.jobs.emplace_back().image = &other;
      config.memory_bytes = 2 * MiB;  // 8 buffers of 256 KiB
    });
    HostConfig config;
    config.jobs.emplace_back().image = &other;
    config.jobs[0].seeding = true;
    lab.add(std::move(config));
    EXPECT_TRUE(lab.world.run(120s, [&] {
      return std::all_of(lab.leechers.begin(), lab.leechers.end(),
                         [](const Host* host) { return host->completed(0) && host->completed(1); });
    }));
    expect_clean(lab.world);
  });
}

TEST(LifeSim, SlowLinksAreNoReasonToGiveBlocksUp) {
  for_each_seed(
      [](std::uint64_t seed) {
        LabSpec spec;
        spec.leechers = 40;
        spec.image = {.total_length = 16 * MiB, .piece_length = 1 * MiB, .shrink = full_shrink, .seed = 1};
        spec.link.up = spec.link.down = 500e3;
        Lab lab(seed, spec);
        EXPECT_TRUE(lab.run_until_complete(400s));
        expect_clean(lab.world);
      },
      3);
}

TEST(LifeSim, MemoryForOnePieceIsEnough) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 8;
    spec.image = {.total_length = 24 * MiB + 5, .piece_length = 4 * MiB, .shrink = full_shrink, .seed = 1};
    Lab lab(seed, spec, [](std::uint32_t, HostConfig& config) { config.memory_bytes = 8 * MiB; });
    EXPECT_TRUE(lab.run_until_complete(600s));
    expect_clean(lab.world);
  });
}

TEST(LifeSim, ASwarmStoppedInTheMiddleComesToRest) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 6;
    spec.image = {.total_length = 48 * MiB, .piece_length = 1 * MiB, .shrink = full_shrink, .seed = 1};
    Lab lab(seed, spec);
    lab.world.run_for(200ms + std::chrono::microseconds(lab.world.random() % 5'000'000));
    expect_clean(lab.world);
    lab.world.run_for(1s);  // the tracker hears the farewells
    for (const Host* host : lab.leechers) EXPECT_EQ(host->outcome(), SwarmOutcome::stopped);
    EXPECT_EQ(lab.world.tracker.seen(AnnounceEvent::stopped), 7u);
  });
}

TEST(LifeSim, ASwarmWithoutProgressGivesUpWhenAsked) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 4;
    spec.image.total_length = 32 * MiB;
    Lab lab(seed, spec, [](std::uint32_t, HostConfig& config) { config.stall_timeout = 30s; });
    lab.world.run_for(1s);
    lab.seeder->power_off();
    const TimePoint died = lab.world.clock.now();
    EXPECT_TRUE(lab.world.run(300s, [&] {
      return std::all_of(lab.leechers.begin(), lab.leechers.end(),
                         [](const Host* host) { return host->outcome().has_value(); });
    }));
    for (const Host* host : lab.leechers) {
      EXPECT_EQ(host->outcome(), SwarmOutcome::stalled);
      EXPECT_GT(host->finished_at(), died + 29s);
      EXPECT_LT(host->finished_at(), died + 90s);
    }
    expect_clean(lab.world);
  });
}

void everybody_ends_by_themselves(Lab& lab, Duration after) {
  EXPECT_TRUE(lab.run_until_complete(120s));
  const TimePoint last = lab.last_completion();
  EXPECT_TRUE(lab.world.run(600s, [&] {
    return std::all_of(lab.leechers.begin(), lab.leechers.end(),
                       [](const Host* host) { return host->outcome().has_value(); });
  }));
  for (const Host* host : lab.leechers) {
    EXPECT_EQ(host->outcome(), SwarmOutcome::complete);
    EXPECT_GE(host->finished_at(), host->completed_at());
    EXPECT_LT(host->finished_at(), last + after);
  }
  expect_clean(lab.world);
}

TEST(LifeSim, LeechersServeUntilTheTrackerKnowsOfNoOther) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 8;
    Lab lab(seed, spec, [](std::uint32_t, HostConfig& config) {
      config.jobs[0].linger = {Linger::Mode::automatic, {}};
    });
    everybody_ends_by_themselves(lab, 20s);
    EXPECT_EQ(lab.world.tracker.seen(AnnounceEvent::completed), 8u);
  });
}

TEST(LifeSim, WithoutATrackerLeechersServeUntilNobodyWantsAnything) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 5;
    const Endpoint seeder = World(0).address(NodeId{0});
    Lab lab(seed, spec, [&](std::uint32_t, HostConfig& config) {
      config.uses_tracker = false;
      config.peers = {seeder};
      config.jobs[0].linger = {Linger::Mode::automatic, {}};
    });
    everybody_ends_by_themselves(lab, 40s);
  });
}

}  // namespace
}  // namespace ezio::sim
