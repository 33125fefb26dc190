// Disks that fail: that host says where and why, nobody reports a bad copy as good, the others complete.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
