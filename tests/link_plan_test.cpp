#include "bt/swarm/link_plan.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

using namespace std::chrono_literals;

LinkPlan measured(double bytes_per_second, int ticks = 20) {
  LinkPlan plan;
  for (int i = 0; i < ticks; ++i) plan.tick(bytes_per_second / 10, 100ms);
  return plan;
}

TEST(LinkPlan, NothingIsPlannedOfALinkThatNobodyKnowsButALittle) {
  const LinkPlan plan;
  EXPECT_EQ(plan.capacity(), 0);
  EXPECT_TRUE(plan.has_room(0));
  EXPECT_FALSE(plan.has_room(1e6));
}

TEST(LinkPlan, ItsCapacityIsTheMostThatWasSeenAndFadesSlowly) {
  LinkPlan plan = measured(12.5e6);
  EXPECT_NEAR(plan.capacity(), 12.5e6, 0.1e6);
  for (int i = 0; i < 50; ++i) plan.tick(0.1e6, 100ms);
  EXPECT_GT(plan.capacity(), 11e6);
  EXPECT_LT(plan.capacity(), 12.4e6);
}

TEST(LinkPlan, WhatSocketsSwallowAtTheirStartIsNoCapacity) {
  LinkPlan plan;
  plan.tick(4e6, 100ms);
  for (int i = 0; i < 30; ++i) plan.tick(1.25e6, 100ms);
  EXPECT_LT(plan.capacity(), 20e6);
}

TEST(LinkPlan, ItIsFilledForAMomentAheadAndNoMore) {
  const LinkPlan plan = measured(12.5e6);
  EXPECT_TRUE(plan.has_room(0.5e6));
  EXPECT_FALSE(plan.has_room(1.25e6));
}

TEST(LinkPlan, TheFastestLinkHasABoundToo) {
  EXPECT_FALSE(measured(5e9).has_room(33e6));
}

TEST(LinkPlan, ASlowTransferCountsWithWhatItBringsSoon) {
  EXPECT_EQ(LinkPlan::planned_bytes(1e6, 1e6, 1s), 1e5);
  EXPECT_EQ(LinkPlan::planned_bytes(5e4, 1e6, 1s), 5e4);
  EXPECT_EQ(LinkPlan::planned_bytes(1e6, 0, 100ms), 1e6) << "of a new one nothing is known";
}

}  // namespace
}  // namespace ezio
