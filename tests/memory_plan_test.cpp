#include "bt/swarm/memory_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ezio {
namespace {

using testing::HasSubstr;

MemoryUser user(std::uint64_t total, std::uint32_t piece, bool leeching) {
  return {Geometry(total, piece), leeching};
}
constexpr std::uint64_t GiB = 1024 * std::uint64_t{MiB};

TEST(MemoryPlan, ABufferHoldsTheLargestSegment) {
  EXPECT_EQ(plan_memory(64 * MiB, {user(GiB, 16 * MiB, true)})->buffer_bytes, 1 * MiB);
  EXPECT_EQ(plan_memory(64 * MiB, {user(GiB, 64 * KiB, true)})->buffer_bytes, 64 * KiB);
  EXPECT_EQ(plan_memory(64 * MiB, {user(GiB, 64 * KiB, true), user(GiB, 256 * KiB, false)})->buffer_bytes,
            256 * KiB);
}

TEST(MemoryPlan, TheBudgetIsUsedAndNotExceeded) {
  for (const std::uint64_t mebibytes : {32u, 100u, 256u, 1000u}) {
    const auto plan = plan_memory(mebibytes * MiB, {user(50 * GiB, 16 * MiB, true)});
    ASSERT_TRUE(plan) << mebibytes;
    EXPECT_LE(std::uint64_t{plan->buffers} * plan->buffer_bytes, mebibytes * MiB);
    EXPECT_GE(std::uint64_t{plan->buffers} * plan->buffer_bytes, mebibytes * MiB - plan->buffer_bytes);
    EXPECT_LT(plan->share, plan->buffers) << "nothing is left to serve from";
    EXPECT_GE(plan->share, 16u);
  }
}

TEST(MemoryPlan, NoMoreIsTakenThanTheTorrentsCanUse) {
  const auto plan = plan_memory(GiB, {user(10 * MiB, 1 * MiB, true)});
  EXPECT_LE(plan->buffers, 14u);
  EXPECT_GE(plan->buffers, 10u);
}

TEST(MemoryPlan, LeechingTorrentsShareAlike) {
  const auto one = plan_memory(256 * MiB, {user(50 * GiB, 16 * MiB, true)});
  const auto two = plan_memory(256 * MiB, {user(50 * GiB, 16 * MiB, true), user(50 * GiB, 16 * MiB, true)});
  EXPECT_EQ(two->share, one->share / 2);
  EXPECT_LE(2 * two->share, two->buffers);
}

TEST(MemoryPlan, SeedingTorrentsTakeNothingFromTheShare) {
  const auto alone = plan_memory(256 * MiB, {user(50 * GiB, 16 * MiB, true)});
  const auto beside =
      plan_memory(256 * MiB, {user(50 * GiB, 16 * MiB, true), user(50 * GiB, 16 * MiB, false)});
  EXPECT_EQ(alone->share, beside->share);
}

TEST(MemoryPlan, OnePieceAndAFewBuffersAreTheLeast) {
  const std::vector<MemoryUser> users{user(50 * GiB, 64 * MiB, true)};
  EXPECT_EQ(plan_memory(68 * MiB, users)->share, 64u);
  const auto refused = plan_memory(67 * MiB, users);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("--memory 67 MiB"));
  EXPECT_THAT(refused.error().message, HasSubstr("at least 68 MiB"));
}

TEST(MemoryPlan, EveryLeechingTorrentGetsItsPiece) {
  const std::vector<MemoryUser> users{user(GiB, 16 * MiB, true), user(GiB, 1 * MiB, true)};
  const auto plan = plan_memory(36 * MiB, users);
  ASSERT_TRUE(plan);
  EXPECT_GE(plan->share, 16u);
  EXPECT_FALSE(plan_memory(35 * MiB, users));
}

TEST(MemoryPlan, UploadsLeaveEveryLeechingTorrentItsPiece) {
  const std::vector<MemoryUser> leeches{user(GiB, 16 * MiB, true), user(3 * MiB, 1 * MiB, true)};
  for (const std::uint64_t mebibytes : {36u, 64u, 256u}) {
    const auto plan = plan_memory(mebibytes * MiB, leeches);
    EXPECT_EQ(plan->sending, plan->buffers - 16 - 1);
  }
  const auto seeding = plan_memory(64 * MiB, {user(GiB, 16 * MiB, false)});
  EXPECT_EQ(seeding->sending, seeding->buffers);
}

TEST(MemoryPlan, SeedingNeedsOnlyAFewBuffers) {
  EXPECT_TRUE(plan_memory(4 * MiB, {user(50 * GiB, 64 * MiB, false)}));
  EXPECT_FALSE(plan_memory(3 * MiB, {user(50 * GiB, 64 * MiB, false)}));
}

}  // namespace
}  // namespace ezio
