#include "bt/swarm/announce_schedule.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1000s};
constexpr TrackerIndex first{0};
constexpr TrackerIndex second{1};

AnnounceReply reply(Duration interval, Duration minimum, std::optional<std::uint32_t> leechers = {}) {
  AnnounceReply reply;
  reply.interval = interval;
  reply.min_interval = minimum;
  reply.leechers = leechers;
  return reply;
}

// What is due, as the only event, or nothing.
std::optional<AnnounceEvent> due(AnnounceSchedule& schedule, TimePoint now, bool hungry = false) {
  const auto all = schedule.due(now, hungry);
  if (all.empty()) return std::nullopt;
  EXPECT_EQ(all.size(), 1u);
  return all.front().event;
}

TEST(AnnounceSchedule, WithoutTrackersNothingIsDue) {
  AnnounceSchedule schedule(0);
  EXPECT_TRUE(schedule.due(start, true).empty());
  EXPECT_TRUE(schedule.stop().empty());
  EXPECT_EQ(schedule.leechers_since(start), std::nullopt);
}

TEST(AnnounceSchedule, BeginsWithStartedAtEveryTracker) {
  AnnounceSchedule schedule(2);
  const auto all = schedule.due(start, false);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].event, AnnounceEvent::started);
  EXPECT_EQ(all[1].event, AnnounceEvent::started);
  EXPECT_TRUE(schedule.due(start + 1h, true).empty()) << "the answer is waited for";
}

TEST(AnnounceSchedule, TheIntervalIsKeptAndTheMinimumByTheHungry) {
  AnnounceSchedule schedule(1);
  due(schedule, start);
  schedule.succeeded(first, reply(60s, 10s), start);
  EXPECT_EQ(due(schedule, start + 9s, true), std::nullopt);
  EXPECT_EQ(due(schedule, start + 59s, false), std::nullopt);
  EXPECT_EQ(due(schedule, start + 10s, true), AnnounceEvent::none);
  schedule.succeeded(first, reply(60s, 10s), start + 10s);
  EXPECT_EQ(due(schedule, start + 70s, false), AnnounceEvent::none);
}

TEST(AnnounceSchedule, AMinimumLongerThanTheIntervalDelaysNothing) {
  AnnounceSchedule schedule(1);
  due(schedule, start);
  schedule.succeeded(first, reply(5s, 0s), start);
  EXPECT_EQ(due(schedule, start + 5s, true), AnnounceEvent::none);
}

TEST(AnnounceSchedule, FailuresAreRetriedWithGrowingPauses) {
  AnnounceSchedule schedule(1);
  TimePoint now = start;
  Duration previous{};
  due(schedule, now);
  for (std::uint32_t failures = 1; failures <= 10; ++failures) {
    const TimePoint failed = now;
    schedule.failed(first, now);
    EXPECT_EQ(schedule.failures(first), failures);
    while (schedule.due(now, true).empty()) now += 100ms;
    EXPECT_GE(now - failed, previous);
    previous = now - failed;
  }
  EXPECT_EQ(previous, 60s);
}

TEST(AnnounceSchedule, ASuccessEndsTheCountOfFailures) {
  AnnounceSchedule schedule(1);
  due(schedule, start);
  schedule.failed(first, start);
  due(schedule, start + 1h);
  schedule.succeeded(first, reply(60s, 0s), start + 1h);
  EXPECT_EQ(schedule.failures(first), 0u);
}

TEST(AnnounceSchedule, CompletedIsSaidAtOnceAndOnce) {
  AnnounceSchedule schedule(1);
  due(schedule, start);
  schedule.succeeded(first, reply(60s, 30s), start);
  schedule.completed();
  EXPECT_EQ(due(schedule, start + 1s), AnnounceEvent::completed);
  schedule.succeeded(first, reply(60s, 30s), start + 1s);
  EXPECT_EQ(due(schedule, start + 2s), std::nullopt);
  EXPECT_EQ(due(schedule, start + 61s), AnnounceEvent::none);
}

TEST(AnnounceSchedule, CompletedIsSaidAgainWhereItFailed) {
  AnnounceSchedule schedule(1);
  due(schedule, start);
  schedule.succeeded(first, reply(60s, 30s), start);
  schedule.completed();
  EXPECT_EQ(due(schedule, start + 1s), AnnounceEvent::completed);
  schedule.failed(first, start + 1s);
  EXPECT_EQ(due(schedule, start + 2s), std::nullopt) << "a tracker that fails is not hammered";
  EXPECT_EQ(due(schedule, start + 10s), AnnounceEvent::completed);
}

TEST(AnnounceSchedule, WhoeverCompletesDuringAnAnnounceSaysSoInTheNextOne) {
  AnnounceSchedule schedule(1);
  due(schedule, start);
  schedule.completed();
  EXPECT_EQ(due(schedule, start), std::nullopt);
  schedule.succeeded(first, reply(60s, 30s), start + 1s);
  EXPECT_EQ(due(schedule, start + 1s), AnnounceEvent::completed);
}

TEST(AnnounceSchedule, TheFarewellGoesToTrackersThatKnowUs) {
  AnnounceSchedule schedule(2);
  schedule.due(start, false);
  schedule.succeeded(first, reply(60s, 0s), start);
  schedule.failed(second, start);
  const auto farewells = schedule.stop();
  ASSERT_EQ(farewells.size(), 1u);
  EXPECT_EQ(farewells[0].tracker, first);
  EXPECT_EQ(farewells[0].event, AnnounceEvent::stopped);
}

TEST(AnnounceSchedule, ATrackerThatIsBeingAskedIsToldGoodbye) {
  AnnounceSchedule schedule(1);
  schedule.due(start, false);
  EXPECT_EQ(schedule.stop().size(), 1u);
}

TEST(AnnounceSchedule, LeechersAreWhatRecentAnswersSay) {
  AnnounceSchedule schedule(2);
  schedule.due(start, false);
  schedule.succeeded(first, reply(60s, 0s, 3), start);
  EXPECT_EQ(schedule.leechers_since(start), 3u);
  EXPECT_EQ(schedule.leechers_since(start + 1s), std::nullopt) << "that was before";
  schedule.succeeded(second, reply(60s, 0s, 5), start + 2s);
  EXPECT_EQ(schedule.leechers_since(start), 5u);
}

TEST(AnnounceSchedule, ATrackerThatDoesNotCountOrFailsTellsNothing) {
  AnnounceSchedule schedule(1);
  schedule.due(start, false);
  schedule.succeeded(first, reply(60s, 0s), start);
  EXPECT_EQ(schedule.leechers_since(start), std::nullopt);
  schedule.due(start + 60s, false);
  schedule.succeeded(first, reply(60s, 0s, 0), start + 60s);
  EXPECT_EQ(schedule.leechers_since(start), 0u);
  schedule.due(start + 120s, false);
  schedule.failed(first, start + 120s);
  EXPECT_EQ(schedule.leechers_since(start), std::nullopt);
}

AnnounceReply of_ours(Duration interval, Duration report_interval) {
  AnnounceReply answer = reply(interval, 10s);
  answer.report_interval = report_interval;
  return answer;
}

TEST(AnnounceSchedule, OneThatAsksForReportsGetsTheFirstAtOnceAndThenAsOftenAsItSays) {
  AnnounceSchedule schedule(1);
  const auto plain = schedule.due(start, false);
  ASSERT_EQ(plain.size(), 1u);
  EXPECT_FALSE(plain[0].report);
  EXPECT_TRUE(plain[0].wants_peers);
  schedule.succeeded(first, of_ours(60s, 5s), start);
  auto report = schedule.due(start, false);
  ASSERT_EQ(report.size(), 1u);
  EXPECT_TRUE(report[0].report);
  EXPECT_FALSE(report[0].wants_peers);
  schedule.succeeded(first, of_ours(60s, 5s), start);
  EXPECT_TRUE(schedule.due(start + 4s, false).empty());
  EXPECT_EQ(schedule.due(start + 5s, false).size(), 1u);
}

TEST(AnnounceSchedule, ReportsDoNotPutOffTheAnnounceThatAsksForPeers) {
  AnnounceSchedule schedule(1);
  schedule.due(start, false);
  schedule.succeeded(first, of_ours(60s, 7s), start);
  std::uint32_t reports = 0;
  for (Duration at = 0s; at < 60s; at += 1s) {
    for (const auto& due : schedule.due(start + at, false)) {
      EXPECT_FALSE(due.wants_peers);
      ++reports;
      schedule.succeeded(first, of_ours(60s, 7s), start + at);
    }
  }
  EXPECT_EQ(reports, 9u);
  const auto regular = schedule.due(start + 63s, false);
  ASSERT_EQ(regular.size(), 1u);
  EXPECT_TRUE(regular[0].wants_peers);
  EXPECT_TRUE(regular[0].report);
}

TEST(AnnounceSchedule, OthersNeverGetAReport) {
  AnnounceSchedule schedule(1);
  for (Duration at = 0s; at < 300s; at += 1s) {
    for (const auto& due : schedule.due(start + at, false)) {
      EXPECT_FALSE(due.report);
      schedule.succeeded(first, reply(60s, 10s), start + at);
    }
  }
  EXPECT_FALSE(schedule.stop()[0].report);
  EXPECT_EQ(schedule.last_word(first, reply(60s, 10s)), std::nullopt);
}

TEST(AnnounceSchedule, AReportingTrackerThatFailsIsRetriedAsAnyOther) {
  AnnounceSchedule schedule(1);
  schedule.due(start, false);
  schedule.succeeded(first, of_ours(60s, 5s), start);
  schedule.due(start, false);
  schedule.failed(first, start);
  EXPECT_TRUE(schedule.due(start + 1s, false).empty());
  EXPECT_EQ(schedule.due(start + 2s, false).size(), 1u);
}

TEST(AnnounceSchedule, WhoAsksForReportsOnlyInAnswerToTheFarewellGetsALastWord) {
  AnnounceSchedule schedule(1);
  schedule.due(start, false);
  EXPECT_FALSE(schedule.stop()[0].report);
  const auto last = schedule.last_word(first, of_ours(60s, 5s));
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->event, AnnounceEvent::stopped);
  EXPECT_TRUE(last->report);
  EXPECT_EQ(schedule.last_word(first, of_ours(60s, 5s)), std::nullopt) << "once";
}

}  // namespace
}  // namespace ezio
