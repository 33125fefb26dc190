#include "bt/swarm/frame_policy.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

using namespace std::chrono_literals;
using Mode = FramePolicy::Mode;

constexpr double slow_link = 12.5e6;
constexpr double fast_link = 1.25e9;
const TimePoint start{1000s};

// One that has seen a thread pack 200 MB/s.
FramePolicy measured(unsigned threads) {
  FramePolicy policy(Mode::automatic, true, threads);
  policy.packed(MiB, true, std::chrono::microseconds(5243));
  return policy;
}

TEST(FramePolicy, LooksAtWhatPackingTakesBeforeAnybodyWaitsForIt) {
  FramePolicy policy(Mode::automatic, true, 2);
  EXPECT_EQ(policy.most_packing(0, start), 0u) << "nothing is known of the link";
  EXPECT_EQ(policy.most_packing(slow_link, start), 1u);
  EXPECT_FALSE(policy.waits(slow_link));
  policy.began(start);
  EXPECT_EQ(policy.most_packing(slow_link, start + 1s), 0u) << "one look is enough for a while";
  EXPECT_EQ(policy.most_packing(slow_link, start + 3s), 1u);
}

TEST(FramePolicy, PacksWhereThatIsFasterThanTheLink) {
  EXPECT_TRUE(measured(2).waits(slow_link));
  EXPECT_GT(measured(2).most_packing(slow_link, start), 1u);
  EXPECT_FALSE(measured(2).waits(fast_link));
  EXPECT_FALSE(measured(1).waits(190e6)) << "too close";
  EXPECT_TRUE(measured(2).waits(190e6));
}

TEST(FramePolicy, FollowsAProcessorThatBecomesBusy) {
  FramePolicy policy = measured(1);
  EXPECT_TRUE(policy.waits(100e6));
  for (int i = 0; i < 20; ++i) policy.packed(MiB, true, 50ms);
  EXPECT_FALSE(policy.waits(100e6));
  for (int i = 0; i < 20; ++i) policy.packed(MiB, true, 5ms);
  EXPECT_TRUE(policy.waits(100e6));
}

TEST(FramePolicy, StoredFramesAreAlwaysSent) {
  const FramePolicy policy(Mode::automatic, true, 0);
  EXPECT_TRUE(policy.waits(0));
  EXPECT_TRUE(policy.waits(fast_link));
}

TEST(FramePolicy, OnlyTheSourcePacks) {
  const FramePolicy policy(Mode::always, false, 2);
  EXPECT_FALSE(policy.waits(slow_link));
  EXPECT_EQ(policy.most_packing(slow_link, start), 0u);
}

TEST(FramePolicy, AlwaysAndNeverMeanIt) {
  EXPECT_TRUE(FramePolicy(Mode::always, true, 1).waits(fast_link));
  EXPECT_FALSE(FramePolicy(Mode::never, true, 1).waits(slow_link));
  EXPECT_EQ(FramePolicy(Mode::never, true, 1).most_packing(slow_link, start), 0u);
}

TEST(FramePolicy, TriesLessOfWhatDoesNotShrink) {
  FramePolicy policy = measured(2);
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
