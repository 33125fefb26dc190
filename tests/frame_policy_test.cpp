#include "bt/swarm/frame_policy.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

using namespace std::chrono_literals;
using Mode = FramePolicy::Mode;

constexpr double slow_link = 12.5e6;
constexpr double fast_link = 1.25e9;
const TimePoint start{1000s};

// A second on such a link.
void pass(FramePolicy& policy, double link, int ticks = 10) {
  for (int i = 0; i < ticks; ++i) policy.tick(link / 10, 100ms, true);
}

// One that has seen a thread pack 200 MB/s, and the link.
FramePolicy measured(unsigned threads, double link) {
  FramePolicy policy(Mode::automatic, true, threads);
  policy.packed(MiB, true, std::chrono::microseconds(5243));
  pass(policy, link);
  return policy;
}

TEST(FramePolicy, LooksAtWhatPackingTakesBeforeAnybodyWaitsForIt) {
  FramePolicy policy(Mode::automatic, true, 2);
  EXPECT_EQ(policy.most_packing(start), 1u);
  EXPECT_FALSE(policy.waits());
  policy.began(start);
  EXPECT_EQ(policy.most_packing(start + 100ms), 0u);
  EXPECT_EQ(policy.most_packing(start + 300ms), 1u);
}

TEST(FramePolicy, LooksEverMoreRarely) {
  FramePolicy policy = measured(2, fast_link);
  int looks = 0;
  for (TimePoint now = start; now < start + 60s; now += 10ms) {
    if (policy.most_packing(now) == 0) continue;
    ++looks;
    policy.began(now);
    policy.packed(MiB, true, 5ms);
  }
  EXPECT_GT(looks, 25);
  EXPECT_LT(looks, 40);
}

// The share of ten minutes in which receivers wait for frames, which come at so many plain bytes a second:
// processors that would pack 400 MB/s are busy with something else.
double share_of_waiting(double link, double packing) {
  FramePolicy policy = measured(2, link);
  int waiting = 0;
  for (int i = 0; i < 6000; ++i) {
    if (policy.waits()) {
      ++waiting;
      policy.receiver_waits();
      policy.packed(static_cast<std::uint32_t>(packing / 10), true, std::chrono::microseconds(5243));
      policy.tick(packing / 30, 100ms, true);
    } else {
      policy.tick(link / 10, 100ms, true);
    }
  }
  return waiting / 6000.0;
}

TEST(FramePolicy, BusyProcessorsThatPackLessThanTheLinkCarriesAreSeen) {
  EXPECT_LT(share_of_waiting(slow_link, 10e6), 0.05);
  EXPECT_GT(share_of_waiting(slow_link, 10e6), 0.0) << "but is tried again";
}

TEST(FramePolicy, BusyProcessorsThatStillPackMorePack) {
  EXPECT_GT(share_of_waiting(slow_link, 20e6), 0.9);
}

TEST(FramePolicy, AThreadThatBecomesSlowIsSeenToBe) {
  FramePolicy policy = measured(2, 190e6);
  ASSERT_TRUE(policy.waits());
  for (int i = 0; i < 20; ++i) policy.packed(MiB, true, 50ms);
  for (int i = 0; i < 10 && policy.waits(); ++i) {
    policy.receiver_waits();
    policy.tick(5e6, 100ms, true);
  }
  pass(policy, 190e6);
  EXPECT_FALSE(policy.waits());
}

TEST(FramePolicy, PacksWhereThatIsFasterThanTheLink) {
  EXPECT_TRUE(measured(2, slow_link).waits());
  EXPECT_GT(measured(2, slow_link).most_packing(start), 1u);
  EXPECT_FALSE(measured(2, fast_link).waits());
  EXPECT_FALSE(measured(1, 190e6).waits()) << "too close";
  EXPECT_TRUE(measured(2, 190e6).waits());
}

// A seeder waits for its first leecher, and TCP has to begin: neither is what the link carries.
TEST(FramePolicy, TheIdleTimeBeforeIsNotTheLinks) {
  FramePolicy policy(Mode::automatic, true, 2);
  policy.packed(MiB, true, 5ms);
  for (int i = 0; i < 100; ++i) policy.tick(0, 100ms, false);
  policy.tick(1e6, 100ms, true);
  pass(policy, fast_link);
  EXPECT_FALSE(policy.waits());
}

TEST(FramePolicy, FollowsALinkThatBecomesSlower) {
  FramePolicy policy = measured(2, fast_link);
  pass(policy, slow_link, 40);
  EXPECT_TRUE(policy.waits());
}

TEST(FramePolicy, LooksAtTheLinkAgainWhereReceiversWaitForFrames) {
  FramePolicy policy = measured(2, slow_link);
  ASSERT_TRUE(policy.waits());
  for (int i = 0; i < 10 && policy.waits(); ++i) {
    policy.receiver_waits();
    policy.tick(5e6, 100ms, true);
  }
  EXPECT_FALSE(policy.waits());
  pass(policy, fast_link);
  EXPECT_FALSE(policy.waits());
}

TEST(FramePolicy, AWaitNowAndThenIsNone) {
  FramePolicy policy = measured(2, slow_link);
  for (int i = 0; i < 200; ++i) {
    if (i % 4 == 0) policy.receiver_waits();
    policy.tick(1e6, 100ms, true);
    ASSERT_TRUE(policy.waits());
  }
}

TEST(FramePolicy, StoredFramesAreAlwaysSent) {
  FramePolicy policy(Mode::automatic, true, 0);
  EXPECT_TRUE(policy.waits());
  pass(policy, fast_link);
  EXPECT_TRUE(policy.waits());
}

TEST(FramePolicy, OnlyTheSourcePacks) {
  const FramePolicy policy(Mode::always, false, 2);
  EXPECT_FALSE(policy.waits());
  EXPECT_EQ(policy.most_packing(start), 0u);
}

TEST(FramePolicy, AlwaysAndNeverMeanIt) {
  EXPECT_TRUE(FramePolicy(Mode::always, true, 1).waits());
  EXPECT_FALSE(FramePolicy(Mode::never, true, 1).waits());
  EXPECT_EQ(FramePolicy(Mode::never, true, 1).most_packing(start), 0u);
}

TEST(FramePolicy, TriesLessOfWhatDoesNotShrink) {
  FramePolicy policy = measured(2, slow_link);
  EXPECT_FALSE(policy.skips());
  std::uint32_t tried = 0;
  for (int i = 0; i < 1000; ++i) {
    if (policy.skips()) continue;
    ++tried;
    policy.packed(MiB, false, 2ms);
  }
  EXPECT_LT(tried, 50u);
  EXPECT_GT(tried, 10u) << "but never stops to look";
  policy.packed(MiB, true, 5ms);
  EXPECT_FALSE(policy.skips()) << "one that shrinks is enough";
}

}  // namespace
}  // namespace ezio
