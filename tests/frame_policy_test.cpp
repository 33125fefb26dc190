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

// The share of ten minutes in which frames are waited for that come at so many plain bytes a second, since
// processors that would pack 400 MB/s are busy with something else. Receivers run out of them in `waiting` of
// five ticks.
double share_of_waiting(double link, double packing, int waiting) {
  FramePolicy policy = measured(2, link);
  int ticks = 0;
  for (int i = 0; i < 6000; ++i) {
    if (policy.waits()) {
      ++ticks;
      if (i % 5 < waiting) policy.receiver_waits();
      policy.packed(static_cast<std::uint32_t>(packing / 10), true, std::chrono::microseconds(5243));
      policy.tick(packing / 30, 100ms, true);
    } else {
      policy.tick(link / 10, 100ms, true);
    }
  }
  return ticks / 6000.0;
}

TEST(FramePolicy, BusyProcessorsThatPackLessThanTheLinkCarriesAreSeen) {
  EXPECT_LT(share_of_waiting(slow_link, 10e6, 5), 0.05);
  EXPECT_GT(share_of_waiting(slow_link, 10e6, 5), 0.0) << "but is tried again";
  EXPECT_LT(share_of_waiting(slow_link, 10e6, 4), 0.2);
  EXPECT_LT(share_of_waiting(slow_link, 10e6, 3), 0.5);
}

TEST(FramePolicy, BusyProcessorsThatStillPackMorePack) {
  for (int waiting : {3, 4, 5}) EXPECT_GT(share_of_waiting(slow_link, 13e6, waiting), 0.9) << waiting;
}

// What shrinks by an eighth is packed no faster than the link takes it.
TEST(FramePolicy, AnImageThatShrinksALittleIsPackedAllTheSame) {
  EXPECT_GT(share_of_waiting(slow_link, slow_link / 0.88, 5), 0.9);
}

// A room has been served badly for hours; the next one begins as if it had not.
TEST(FramePolicy, ForgetsARoomThatIsOver) {
  FramePolicy policy = measured(2, slow_link);
  for (int i = 0; i < 3000; ++i) {
    policy.receiver_waits();
    policy.tick(1e5, 100ms, true);
  }
  ASSERT_FALSE(policy.waits());
  EXPECT_FALSE(policy.measures());
  for (int i = 0; i < 60; ++i) policy.tick(0, 100ms, false);
  EXPECT_TRUE(policy.measures());
  pass(policy, slow_link);
  EXPECT_TRUE(policy.waits());
}

TEST(FramePolicy, ALinkOnWhichNothingHasGoneIsNotSlow) {
  FramePolicy policy(Mode::automatic, true, 2);
  policy.packed(MiB, true, 5ms);
  pass(policy, 0);
  EXPECT_FALSE(policy.waits());
}

TEST(FramePolicy, MeasuresForAShortWhile) {
  FramePolicy policy(Mode::automatic, true, 2);
  EXPECT_TRUE(policy.measures());
  pass(policy, fast_link, 5);
  EXPECT_TRUE(policy.measures()) << "nothing has been packed yet";
  pass(policy, fast_link, 6);
  EXPECT_FALSE(policy.measures());
  EXPECT_FALSE(measured(2, fast_link).measures());
  EXPECT_FALSE(measured(2, slow_link).measures());
  EXPECT_FALSE(FramePolicy(Mode::always, true, 2).measures());
  EXPECT_FALSE(FramePolicy(Mode::automatic, false, 2).measures());
  EXPECT_FALSE(FramePolicy(Mode::automatic, true, 0).measures());
}

TEST(FramePolicy, AThreadsFirstSegmentMayBeSlow) {
  FramePolicy policy(Mode::automatic, true, 2);
  policy.packed(MiB, true, 500ms);
  pass(policy, slow_link);
  ASSERT_FALSE(policy.waits());
  policy.packed(MiB, true, 5ms);
  pass(policy, slow_link, 1);
  EXPECT_TRUE(policy.waits());
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

// They may have left a fast link idle, or a slow one.
TEST(FramePolicy, LooksAtTheLinkAgainWhereReceiversWaitForFrames) {
  for (const double link : {slow_link, fast_link}) {
    FramePolicy policy = measured(2, slow_link);
    ASSERT_TRUE(policy.waits());
    for (int i = 0; i < 10 && policy.waits(); ++i) {
      policy.packed(2 * MiB, true, 10ms);
      policy.receiver_waits();
      policy.tick(5e6, 100ms, true);
    }
    EXPECT_FALSE(policy.waits());
    pass(policy, link);
    EXPECT_EQ(policy.waits(), link == slow_link);
  }
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
