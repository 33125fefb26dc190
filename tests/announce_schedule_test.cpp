#include "bt/announce_schedule.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

using namespace std::chrono_literals;

const TimePoint start = TimePoint{} + 1h;
constexpr TrackerIndex first{0};

AnnounceReply reply(Duration interval, Duration minimum, std::optional<std::uint32_t> leechers = {}) {
  AnnounceReply answer;
  answer.interval = interval;
  answer.min_interval = minimum;
  answer.leechers = leechers;
  return answer;
}

TEST(AnnounceSchedule, StartsAtOnceThenFollowsTheInterval) {
  AnnounceSchedule schedule(1);
  auto due = schedule.due(start, false);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].event, AnnounceEvent::started);
  EXPECT_TRUE(schedule.due(start + 1h, false).empty()) << "one at a time";
  schedule.succeeded(first, reply(60s, 10s), start);
  EXPECT_TRUE(schedule.due(start + 59s, false).empty());
  due = schedule.due(start + 60s, false);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].event, AnnounceEvent::none);
}

TEST(AnnounceSchedule, HungerUsesTheMinimum) {
  AnnounceSchedule schedule(1);
  (void)schedule.due(start, false);
  schedule.succeeded(first, reply(1800s, 10s), start);
  EXPECT_TRUE(schedule.due(start + 9s, true).empty());
  EXPECT_EQ(schedule.due(start + 10s, true).size(), 1u);
}

TEST(AnnounceSchedule, FailuresAreRetriedWithGrowingPausesAndStartAgain) {
  AnnounceSchedule schedule(1);
  TimePoint now = start;
  Duration last_pause{};
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(schedule.due(now, false).size(), 1u);
    schedule.failed(first, now);
    Duration pause{};
    while (schedule.due(now + pause, false).empty()) {
      pause += 1s;
      ASSERT_LT(pause, 2min);
    }
    schedule.failed(first, now + pause);  // the probe above counted as an announce
    now += pause + 5min;
    EXPECT_GE(pause, last_pause);
    last_pause = pause;
  }
  auto due = schedule.due(now, false);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].event, AnnounceEvent::started) << "no tracker has heard of us yet";
}

TEST(AnnounceSchedule, CompletionIsToldAtOnceAndOnce) {
  AnnounceSchedule schedule(1);
  (void)schedule.due(start, false);
  schedule.succeeded(first, reply(1800s, 10s), start);
  schedule.completed();
  auto due = schedule.due(start + 1s, false);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].event, AnnounceEvent::completed);
  schedule.succeeded(first, reply(1800s, 10s), start + 1s);
  EXPECT_TRUE(schedule.due(start + 2s, false).empty());
}

TEST(AnnounceSchedule, SaysGoodbyeToThoseWhoKnowUs) {
  AnnounceSchedule schedule(2);
  EXPECT_TRUE(schedule.stop().empty());
  (void)schedule.due(start, false);
  schedule.succeeded(first, reply(60s, 10s), start);
  schedule.failed(TrackerIndex{1}, start);
  const auto farewells = schedule.stop();
  ASSERT_EQ(farewells.size(), 1u);
  EXPECT_EQ(farewells[0].tracker, first);
  EXPECT_EQ(farewells[0].event, AnnounceEvent::stopped);
}

TEST(AnnounceSchedule, KnowsTheLeechersOnlyFromFreshAnswersThatCount) {
  AnnounceSchedule schedule(2);
  (void)schedule.due(start, false);
  schedule.succeeded(first, reply(60s, 10s, 3), start);
  schedule.succeeded(TrackerIndex{1}, reply(60s, 10s), start);
  EXPECT_EQ(schedule.leechers_since(start), 3u);
  EXPECT_FALSE(schedule.leechers_since(start + 1s));
  (void)schedule.due(start + 60s, false);
  schedule.failed(first, start + 60s);
  EXPECT_FALSE(schedule.leechers_since(start)) << "a tracker that is gone knows nothing";
}

}  // namespace
}  // namespace ezio
