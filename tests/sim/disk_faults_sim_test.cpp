// Disks that fail: that host says where and why, nobody reports a bad copy as good, the others complete.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/disk_failures.hpp"
#include "sim/seeds.hpp"
#include "sim/swarm_lab.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(DiskFaultsSim, AWriteThatFailsEndsThatHostAndNobodyElse) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, {}, [&](std::uint32_t i, HostConfig& config) {
      if (i == 2) {
        config.jobs[0].faults.writes_fail_from = static_cast<std::uint32_t>(seed % 30);
        config.jobs[0].faults.error = ENOSPC;
      }
    });
    EXPECT_TRUE(lab.run_until_complete(120s, {2}));
    EXPECT_EQ(lab.leechers[2]->outcome(), SwarmOutcome::io_error);
    EXPECT_FALSE(lab.leechers[2]->completed());
    EXPECT_THAT(lab.leechers[2]->message(), HasSubstr("write failed: at byte "));
    EXPECT_THAT(lab.leechers[2]->message(), HasSubstr("errno 28"));
    expect_clean(lab.world);
  });
}

TEST(DiskFaultsSim, AFlushThatFailsIsNeverReportedAsComplete) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, {}, [](std::uint32_t i, HostConfig& config) {
      if (i == 0) config.jobs[0].faults.flush_fails = true;
    });
    EXPECT_TRUE(lab.run_until_complete(120s, {0}));
    EXPECT_TRUE(lab.world.run(60s, [&] { return lab.leechers[0]->outcome().has_value(); }));
    EXPECT_EQ(lab.leechers[0]->outcome(), SwarmOutcome::io_error);
    EXPECT_FALSE(lab.leechers[0]->completed());
    EXPECT_THAT(lab.leechers[0]->message(), HasSubstr("flush failed: at byte "));
    expect_clean(lab.world);
  });
}

TEST(DiskFaultsSim, ASeederThatCannotReadEndsAndAnotherOneTakesOver) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, {});
    HostConfig config = lab.seeder_config();
    config.jobs[0].faults.reads_fail_from = static_cast<std::uint32_t>(seed % 8);
    const Host& broken = lab.add(std::move(config));
    EXPECT_TRUE(lab.run_until_complete(120s));
    EXPECT_EQ(broken.outcome(), SwarmOutcome::io_error);
    EXPECT_THAT(broken.message(), HasSubstr("read failed: at byte "));
    expect_clean(lab.world);
  });
}

// ---------------------------------------------------------------- the nth operation, for all n

// A target that holds a third of a small image, of which a quarter is zeros, so that it is read, written,
// zeroed, flushed and read back. Every seed takes every tenth operation, from another one on, until none is
// left to fail.
void for_every_operation(std::uint64_t seed, DiskFaults faults) {
  constexpr std::uint32_t step = 10;
  LabSpec spec;
  spec.leechers = 2;
  spec.image = {.total_length = MiB, .piece_length = 64 * KiB, .seed = seed, .zeros_every = 4};
  bool failed = true;
  for (auto n = static_cast<std::uint32_t>(seed % step); failed && !testing::Test::HasFailure(); n += step) {
    SCOPED_TRACE(fmt::format("operation {}", n));
    faults.fails_from = n;
    Lab lab(seed, spec, [&](std::uint32_t i, HostConfig& config) {
      if (i > 0) return;
      config.jobs[0].faults = faults;
      for (std::uint32_t piece = 0; piece < 16; piece += 3) config.jobs[0].holds.emplace_back(piece);
    });
    const Host& host = *lab.leechers[0];
    EXPECT_TRUE(lab.run_until_complete(60s, {0}));
    EXPECT_TRUE(lab.world.run(60s, [&] { return host.completed() || host.outcome(); })) << "hangs";
    lab.world.run(1s, [] { return false; });  // it serves others, which may fail as well
    expect_the_truth_of_failures(host);
    failed = !host.disk_failures().empty();
    expect_clean(lab.world);
  }
}

TEST(DiskFaultsSim, AnyOperationThatFailsIsToldOrMadeGood) {
  for_each_seed([](std::uint64_t seed) { for_every_operation(seed, {}); });
}

TEST(DiskFaultsSim, ADiskThatFailsFromAnyOperationOnIsTold) {
  for_each_seed([](std::uint64_t seed) { for_every_operation(seed, {.fails_once = false}); });
}

// The second pass: what was lost is fetched, written, flushed and read once more.
TEST(DiskFaultsSim, AnyOperationThatFailsWhileALieIsRepairedIsToldOrMadeGood) {
  for_each_seed([](std::uint64_t seed) {
    for_every_operation(seed,
                        {.lies_from = static_cast<std::uint32_t>(seed % 4), .lie = DiskFaults::Lie::flip});
  });
}

// It has little memory and reads what it serves again.
TEST(DiskFaultsSim, ACloneThatCannotReadWhatItServesEndsAndSaysWhere) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 1;
    spec.image = {.total_length = 2 * MiB, .piece_length = 64 * KiB, .seed = seed};
    Lab lab(seed, spec, [&](std::uint32_t, HostConfig& config) {
      config.memory_bytes = 512 * KiB;
      config.jobs[0].faults.reads_fail_from = static_cast<std::uint32_t>(16 + 32 + seed % 20);
    });
    EXPECT_TRUE(lab.run_until_complete(60s));
    Host& server = *lab.leechers[0];
    EXPECT_TRUE(server.disk_failures().empty());
    lab.seeder->stop();
    const Host& late = lab.add(lab.leecher_config());
    EXPECT_TRUE(lab.world.run(60s, [&] { return server.outcome().has_value(); }))
        << late.stats().verified_pieces;
    EXPECT_EQ(server.outcome(), SwarmOutcome::io_error);
    ASSERT_FALSE(server.disk_failures().empty());
    EXPECT_EQ(server.message(), ends_it_with(server.disk_failures().front()));
    EXPECT_EQ(server.disk_failures().front().work, DiskWork::read);
    EXPECT_FALSE(late.completed());
    expect_clean(lab.world);
  });
}

TEST(DiskFaultsSim, ADiskSlowerThanTheNetworkSlowsOnlyItsHost) {
  for_each_seed(
      [](std::uint64_t seed) {
        LabSpec spec;
        spec.image.total_length = 8 * MiB;
        Lab lab(seed, spec, [](std::uint32_t i, HostConfig& config) {
          if (i == 0) config.jobs[0].disk = {.bytes_per_second = 1e6, .latency = 20ms};
          if (i == 0) config.memory_bytes = 2 * MiB;
        });
        EXPECT_TRUE(lab.run_until_complete(120s));
        EXPECT_EQ(lab.last_completion(), lab.leechers[0]->completed_at());
        expect_clean(lab.world);
      },
      10);
}

}  // namespace
}  // namespace ezio::sim
