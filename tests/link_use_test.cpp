#include "bt/swarm/link_use.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

using namespace std::chrono_literals;

LinkUse measured(double bytes_per_second, int ticks = 20) {
  LinkUse link;
  for (int i = 0; i < ticks; ++i) link.tick(bytes_per_second / 10, 100ms);
  return link;
}

TEST(LinkUse, OfALinkThatNobodyKnowsNothingMoreIsExpected) {
  const LinkUse link;
  EXPECT_EQ(link.capacity(), 0);
  EXPECT_FALSE(link.has_room(0));
}

TEST(LinkUse, ItsCapacityIsTheMostThatWasSeenAndFadesSlowly) {
  LinkUse link = measured(12.5e6);
  EXPECT_NEAR(link.capacity(), 12.5e6, 0.1e6);
  for (int i = 0; i < 50; ++i) link.tick(0.1e6, 100ms);
  EXPECT_GT(link.capacity(), 11e6);
  EXPECT_LT(link.capacity(), 12.4e6);
}

TEST(LinkUse, WhatSocketsSwallowAtTheirStartIsNoCapacity) {
  LinkUse link;
  link.tick(4e6, 100ms);
  for (int i = 0; i < 30; ++i) link.tick(1.25e6, 100ms);
  EXPECT_LT(link.capacity(), 20e6);
}

TEST(LinkUse, ItHasRoomWhereLessGoesThroughThanHas) {
  const LinkUse link = measured(12.5e6);
  EXPECT_TRUE(link.has_room(10e6));
  EXPECT_FALSE(link.has_room(12e6));
}

}  // namespace
}  // namespace ezio
