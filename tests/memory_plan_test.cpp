#include "bt/memory_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ezio {
namespace {

constexpr std::uint64_t GiB = std::uint64_t{1} << 30;
constexpr Geometry large(50 * GiB, 16 * MiB);
constexpr Geometry largest(50 * GiB, 64 * MiB);
constexpr Geometry small(10 * MiB, 256 * KiB);

TEST(MemoryPlan, StaysWithinTheBudget) {
  const auto plan = plan_memory(256 * MiB, {{large, true}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->buffer_bytes, 1 * MiB);
  EXPECT_EQ(plan->buffers, 256u);
  EXPECT_LT(plan->share, plan->buffers) << "some are kept for serving";
  EXPECT_GE(plan->share, 200u);
}

TEST(MemoryPlan, TakesNoMoreThanTheTorrentsCanUse) {
  const auto plan = plan_memory(256 * MiB, {{small, true}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->buffer_bytes, 256 * KiB);
  EXPECT_LE(std::uint64_t{plan->buffers} * plan->buffer_bytes, 12 * MiB);
}

TEST(MemoryPlan, SharesBetweenLeechersOnly) {
  const auto plan = plan_memory(256 * MiB, {{large, true}, {large, true}, {large, false}});
  ASSERT_TRUE(plan);
  EXPECT_LE(plan->share * 2, plan->buffers);
  EXPECT_GE(plan->share, 100u);
}

TEST(MemoryPlan, RefusesABudgetBelowOnePieceEachAndSaysHowMuchItTakes) {
  const auto plan =
      plan_memory(256 * MiB, {{largest, true}, {largest, true}, {largest, true}, {largest, true}});
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, ::testing::HasSubstr("at least 260 MiB"));
  EXPECT_TRUE(plan_memory(260 * MiB, {{largest, true}, {largest, true}, {largest, true}, {largest, true}}));
}

TEST(MemoryPlan, OnePieceIsEnough) {
  const auto plan = plan_memory(20 * MiB, {{large, true}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->share, 16u);
}

TEST(MemoryPlan, SeedersNeedAFewBuffersOnly) {
  EXPECT_TRUE(plan_memory(4 * MiB, {{largest, false}}));
}

}  // namespace
}  // namespace ezio
