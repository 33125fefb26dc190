#include "bt/swarm/rate.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

using namespace std::chrono_literals;

void flow(Rate& rate, std::uint64_t bytes_per_tick, int ticks) {
  for (int i = 0; i < ticks; ++i) {
    rate.add(bytes_per_tick);
    rate.tick(100ms);
  }
}

TEST(Rate, BeginsAtZero) {
  Rate rate;
  EXPECT_EQ(rate.per_second(), 0);
  rate.tick(100ms);
  EXPECT_EQ(rate.per_second(), 0);
}

TEST(Rate, TheFirstTickWithBytesCountsInFull) {
  Rate rate;
  flow(rate, 0, 5);
  flow(rate, 1000, 1);
  EXPECT_DOUBLE_EQ(rate.per_second(), 10'000);
}

TEST(Rate, ASteadyFlowIsMeasuredAsItIs) {
  Rate rate;
  flow(rate, 1000, 50);
  EXPECT_NEAR(rate.per_second(), 10'000, 1e-6);
  EXPECT_EQ(rate.total(), 50'000u);
}

TEST(Rate, AChangeIsFollowedWithinAFewSeconds) {
  Rate rate;
  flow(rate, 1000, 50);
  flow(rate, 3000, 10);
  EXPECT_GT(rate.per_second(), 20'000);
  flow(rate, 3000, 40);
  EXPECT_NEAR(rate.per_second(), 30'000, 100);
}

TEST(Rate, AFlowThatComesInLumpsIsNotTakenForAFasterOne) {
  Rate rate;
  double sum = 0;
  for (int i = 0; i < 1000; ++i) {
    if (i % 7 == 3) rate.add(70'000);
    rate.tick(100ms);
    if (i >= 100) sum += rate.per_second();
  }
  EXPECT_NEAR(sum / 900, 100'000, 2'000);
}

TEST(Rate, AFlowThatBeginsLateInATickIsKnownSoonAfter) {
  Rate rate;
  flow(rate, 10, 1);
  flow(rate, 1000, 4);
  EXPECT_GT(rate.per_second(), 7'000);
}

TEST(Rate, AFlowThatEndsBecomesZero) {
  Rate rate;
  flow(rate, 1000, 50);
  flow(rate, 0, 100);
  EXPECT_EQ(rate.per_second(), 0);
  EXPECT_EQ(rate.total(), 50'000u);
}

TEST(Rate, TicksOfAnyLengthGiveBytesASecond) {
  Rate rate;
  rate.add(500);
  rate.tick(50ms);
  EXPECT_DOUBLE_EQ(rate.per_second(), 10'000);
  rate.add(123);
  rate.tick(Duration{});  // no time went by: the bytes wait for the next tick
  rate.add(877);
  rate.tick(100ms);
  EXPECT_DOUBLE_EQ(rate.per_second(), 10'000);
}

}  // namespace
}  // namespace ezio
