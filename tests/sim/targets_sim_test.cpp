// One download for two targets, over many seeds: whatever one of them does, the other becomes the image, and
// "complete" is the truth.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/seeds.hpp"
#include "sim/swarm_lab.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::size_t job = 0;

LabSpec small_room(std::uint64_t seed) {
  LabSpec spec;
  spec.leechers = 3;
  spec.image = {.total_length = MiB, .piece_length = 64 * KiB, .seed = seed, .zeros_every = 4};
  return spec;
}

// Host 0 clones to two disks: `spoil` may change the second.
Lab room_with_two_targets(std::uint64_t seed, const std::function<void(JobTarget&)>& spoil = {},
                          const std::function<void(HostConfig&)>& change = {}) {
  return Lab(seed, small_room(seed), [&](std::uint32_t i, HostConfig& config) {
    if (i > 0) return;
    config.jobs[job].more_targets.emplace_back();
    if (spoil) spoil(config.jobs[job].more_targets[0]);
    if (change) change(config);
  });
}

TEST(TargetsSim, BothBecomeTheImageAndNothingIsFetchedTwice) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab = room_with_two_targets(seed);
    EXPECT_TRUE(lab.run_until_complete(120s));
    const Host& host = *lab.leechers[0];
    EXPECT_TRUE(host.holds_truth(job, 0));
    EXPECT_TRUE(host.holds_truth(job, 1));
    EXPECT_LE(host.stats().from_seeds + host.stats().from_leechers + host.stats().zeroed,
              lab.spec.image.total_length);
    expect_clean(lab.world);
  });
}

TEST(TargetsSim, TheFasterWaitsForTheSlower) {
  for_each_seed(
      [](std::uint64_t seed) {
        Lab lab = room_with_two_targets(
            seed, [](JobTarget& target) { target.disk = {.bytes_per_second = 1e6, .latency = 5ms}; });
        EXPECT_TRUE(lab.run_until_complete(120s));
        EXPECT_TRUE(lab.leechers[0]->holds_truth(job, 1));
        expect_clean(lab.world);
      },
      10);
}

// The first is right on a blank disk's neighbour only where both are.
TEST(TargetsSim, WhatBothHoldIsReused) {
  for_each_seed([](std::uint64_t seed) {
    std::vector<PieceIndex> half, quarter;
    for (std::uint32_t i = 0; i < 8; ++i) half.emplace_back(i);
    for (std::uint32_t i = 4; i < 8; ++i) quarter.emplace_back(i);
    Lab lab = room_with_two_targets(
        seed, [&](JobTarget& target) { target.holds = quarter; },
        [&](HostConfig& config) {
          config.jobs[job].holds = half;
          config.jobs[job].reuse = Reuse::Mode::all;
        });
    EXPECT_TRUE(lab.run_until_complete(120s));
    EXPECT_GE(lab.leechers[0]->stats().reused, 3 * 64 * KiB);  // one of them may be zeros
    expect_clean(lab.world);
  });
}

// For all N: from the N-th request on the second does not do what it should.
void expect_only_the_second_fails(std::uint64_t seed, const std::function<void(JobTarget&)>& spoil,
                                  const std::string& why) {
  Lab lab = room_with_two_targets(seed, spoil);
  lab.leechers[0]->disk(job, 1).fill(std::byte{0x55});
  EXPECT_TRUE(lab.run_until_complete(180s));
  const Host& host = *lab.leechers[0];
  EXPECT_TRUE(host.holds_truth(job, 0));
  if (const auto& failure = host.target_failure(job, 1)) {
    EXPECT_THAT(*failure, HasSubstr(why));
  } else {
    EXPECT_TRUE(host.holds_truth(job, 1));
  }
  expect_clean(lab.world);
}

TEST(TargetsSim, AnErrorOfOneEndsNobodyElse) {
  for_each_seed([](std::uint64_t seed) {
    const auto nth = static_cast<std::uint32_t>(seed);
    expect_only_the_second_fails(
        seed, [&](JobTarget& target) { target.faults.writes_fail_from = nth; }, "failed: at byte ");
    expect_only_the_second_fails(
        seed, [&](JobTarget& target) { target.faults.reads_fail_from = nth; }, "failed: at byte ");
    expect_only_the_second_fails(
        seed, [&](JobTarget& target) { target.faults.flush_fails = true; }, "flush failed");
  });
}

TEST(TargetsSim, ALieOfOneEndsNobodyElse) {
  for_each_seed([](std::uint64_t seed) {
    for (DiskFaults::Lie lie : {DiskFaults::Lie::drop, DiskFaults::Lie::flip, DiskFaults::Lie::misdirect}) {
      for (bool once : {true, false}) {
        expect_only_the_second_fails(
            seed,
            [&](JobTarget& target) {
              target.faults.lie = lie;
              target.faults.lies_from = static_cast<std::uint32_t>(seed % 15);
              target.faults.lies_once = once;
            },
            "the device does not hold what was written");
      }
    }
  });
}

TEST(TargetsSim, OneThatHangsEndsNobodyElse) {
  for_each_seed([](std::uint64_t seed) {
    expect_only_the_second_fails(
        seed, [&](JobTarget& target) { target.faults.hangs_from = static_cast<std::uint32_t>(seed); },
        "has not answered");
  });
}

TEST(TargetsSim, ThePoolOutlivesADeviceThatHangs) {  // with room for two pieces beside what it keeps
  for_each_seed([](std::uint64_t seed) {
    Lab lab = room_with_two_targets(
        seed, [&](JobTarget& target) { target.faults.hangs_from = static_cast<std::uint32_t>(seed % 8); },
        [](HostConfig& config) { config.memory_bytes = 12 * 64 * KiB; });
    EXPECT_TRUE(lab.run_until_complete(180s)) << lab.leechers[0]->message();
    EXPECT_TRUE(lab.leechers[0]->target_failure(job, 1).has_value());
    expect_clean(lab.world);
  });
}

TEST(TargetsSim, WhereBothFailTheCloneDoes) {
  for_each_seed(
      [](std::uint64_t seed) {
        Lab lab = room_with_two_targets(
            seed, [&](JobTarget& target) { target.faults.writes_fail_from = 2; },
            [&](HostConfig& config) {
              config.jobs[job].faults.writes_fail_from = static_cast<std::uint32_t>(seed % 10);
            });
        EXPECT_TRUE(lab.run_until_complete(120s, {0}));
        EXPECT_TRUE(lab.world.run(60s, [&] { return lab.leechers[0]->outcome().has_value(); }));
        EXPECT_EQ(lab.leechers[0]->outcome(), SwarmOutcome::io_error);
        EXPECT_FALSE(lab.leechers[0]->completed());
        expect_clean(lab.world);
      },
      20);
}

}  // namespace
}  // namespace ezio::sim
