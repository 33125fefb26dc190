// What targets hold before the clone, zeros, and disks that lie: whatever they do, "complete" is the truth.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/disk_failures.hpp"
#include "sim/seeds.hpp"
#include "sim/swarm_lab.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;

LabSpec small_room(std::uint32_t leechers = 4) {
  LabSpec spec;
  spec.leechers = leechers;
  return spec;
}

std::uint64_t fetched(const Host& host) {
  return host.stats().from_seeds + host.stats().from_leechers;
}

// Pieces [0, end) of which `keep` says so.
std::vector<PieceIndex> pieces_where(std::uint32_t end, const std::function<bool(std::uint32_t)>& keep) {
  std::vector<PieceIndex> pieces;
  for (std::uint32_t i = 0; i < end; ++i) {
    if (keep(i)) pieces.emplace_back(i);
  }
  return pieces;
}

TEST(TargetSim, WhatATargetHoldsIsNotFetchedAndIsPassedOn) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, small_room(), [&](std::uint32_t i, HostConfig& config) {
      if (i > 0) return;
      config.jobs[0].holds =
          pieces_where(32, [&](std::uint32_t piece) { return (piece * 7 + seed) % 32 < 16; });
    });
    EXPECT_TRUE(lab.run_until_complete(120s));
    const Host& host = *lab.leechers[0];
    const std::uint64_t total = lab.spec.image.total_length;
    EXPECT_EQ(host.stats().reused + fetched(host), total);
    EXPECT_LE(fetched(host), total * 52 / 100);
    expect_clean(lab.world);
  });
}

TEST(TargetSim, ATargetThatIsRightCompletesWithoutASwarm) {
  for_each_seed(
      [](std::uint64_t seed) {
        Lab lab(seed, small_room(1), [&](std::uint32_t, HostConfig& config) {
          config.jobs[0].holds = pieces_where(32, [](std::uint32_t) { return true; });
          config.uses_tracker = false;
        });
        EXPECT_TRUE(lab.run_until_complete(5s));
        EXPECT_EQ(lab.leechers[0]->stats().reused, lab.spec.image.total_length);
        expect_clean(lab.world);
      },
      10);
}

TEST(TargetSim, ZerosAreNeitherSentNorTakenForGranted) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec = small_room();
    spec.image = {.total_length = 2 * MiB - 5000, .piece_length = 64 * KiB, .seed = seed, .zeros_every = 3};
    Lab lab(seed, spec, [&](std::uint32_t i, HostConfig& config) {
      if (i == 1) config.jobs[0].reuse = Reuse::Mode::all;
      if (i == 2) config.jobs[0].reuse = Reuse::Mode::off;
      if (i == 3) config.without_extensions = true;  // a foreign client of sorts
    });
    for (Host* host : lab.leechers) host->disk().fill(std::byte{0xAA});
    EXPECT_TRUE(lab.run_until_complete(120s));
    for (std::uint32_t i = 0; i < 4; ++i) {
      const Host& host = *lab.leechers[i];
      EXPECT_EQ(host.stats().zeroed, std::uint64_t{10} * 64 * KiB);
      EXPECT_EQ(fetched(host), spec.image.total_length - host.stats().zeroed);
    }
    expect_clean(lab.world);
  });
}

// Every lie at every write of a small clone: repaired, or the clone fails and says where.
TEST(TargetSim, ADiskThatLiesOnceIsRepaired) {
  for_each_seed([](std::uint64_t seed) {
    for (DiskFaults::Lie lie : {DiskFaults::Lie::drop, DiskFaults::Lie::flip, DiskFaults::Lie::misdirect}) {
      LabSpec spec = small_room(3);
      spec.image = {.total_length = MiB, .piece_length = 64 * KiB, .seed = seed, .zeros_every = 4};
      Lab lab(seed, spec, [&](std::uint32_t i, HostConfig& config) {
        if (i > 0) return;
        config.jobs[0].faults.lie = lie;
        config.jobs[0].faults.lies_from = static_cast<std::uint32_t>(seed % 16);
      });
      lab.leechers[0]->disk().fill(std::byte{0x55});
      EXPECT_TRUE(lab.run_until_complete(120s)) << lab.leechers[0]->message();
      EXPECT_TRUE(lab.leechers[0]->holds_truth());
      const auto& notes = lab.leechers[0]->notes();
      EXPECT_TRUE(std::any_of(notes.begin(), notes.end(), [](const std::string& note) {
        return note.find("does not hold what was written; once more") != std::string::npos;
      }));
      expect_clean(lab.world);
    }
  });
}

TEST(TargetSim, ADiskThatKeepsLyingFailsTheCloneAndNobodyElse) {
  for_each_seed([](std::uint64_t seed) {
    for (DiskFaults::Lie lie : {DiskFaults::Lie::drop, DiskFaults::Lie::flip, DiskFaults::Lie::misdirect}) {
      LabSpec spec = small_room(3);
      spec.image = {.total_length = MiB, .piece_length = 64 * KiB, .seed = seed, .zeros_every = 4};
      Lab lab(seed, spec, [&](std::uint32_t i, HostConfig& config) {
        if (i > 0) return;
        config.jobs[0].faults.lie = lie;
        config.jobs[0].faults.lies_from = static_cast<std::uint32_t>(seed % 15);
        config.jobs[0].faults.lies_once = false;
      });
      lab.leechers[0]->disk().fill(std::byte{0x55});
      EXPECT_TRUE(lab.run_until_complete(120s, {0}));
      EXPECT_TRUE(lab.world.run(60s, [&] { return lab.leechers[0]->outcome().has_value(); }));
      EXPECT_EQ(lab.leechers[0]->outcome(), SwarmOutcome::io_error);
      EXPECT_FALSE(lab.leechers[0]->completed());
      EXPECT_THAT(lab.leechers[0]->message(), HasSubstr("the device does not hold what was written"));
      EXPECT_THAT(lab.leechers[0]->message(), HasSubstr("at byte "));
      expect_clean(lab.world);
    }
  });
}

// For all N: from the N-th read on none succeeds. What was there is fetched instead; what is read back is
// told.
TEST(TargetSim, ATargetThatCannotBeReadIsWrittenAnewAndFailsWhenReadBack) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, small_room(2), [&](std::uint32_t i, HostConfig& config) {
      if (i > 0) return;
      config.jobs[0].holds = pieces_where(32, [](std::uint32_t piece) { return piece % 3 == 0; });
      config.jobs[0].faults.reads_fail_from = static_cast<std::uint32_t>(seed * 2);
      config.jobs[0].linger = {Linger::Mode::seconds, {}};
    });
    EXPECT_TRUE(lab.run_until_complete(120s, {0}));
    EXPECT_TRUE(lab.world.run(60s, [&] { return lab.leechers[0]->outcome().has_value(); }));
    expect_the_truth_of_failures(*lab.leechers[0]);
    expect_clean(lab.world);
  });
}

TEST(TargetSim, WithoutReadBackALieIsBelieved) {  // what the option costs, and that the tests above test it
  Lab lab(1, small_room(1), [&](std::uint32_t, HostConfig& config) {
    config.jobs[0].faults.lies_from = 3;
    config.jobs[0].read_back = false;
  });
  lab.run_until_complete(120s);
  EXPECT_THAT(lab.world.violations(), Contains(HasSubstr("Completed with wrong bytes")));
}

}  // namespace
}  // namespace ezio::sim
