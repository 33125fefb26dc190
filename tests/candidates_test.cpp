#include "bt/swarm/candidates.hpp"

#include <gtest/gtest.h>

#include <set>

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1000s};

Endpoint host(std::uint16_t number) {
  return *parse_address("10.0.0.1", number);
}

// Lets the host fail until nobody wants to dial it any more; how often it was dialled.
int failures_until_given_up(Candidates& candidates, const Endpoint& endpoint, TimePoint now) {
  int failures = 0;
  for (; failures < 100; ++failures) {
    now += 1h;
    const auto next = candidates.next(now);
    if (!next) break;
    EXPECT_EQ(next, endpoint);
    candidates.failed(endpoint, now);
  }
  return failures;
}

TEST(Candidates, NobodyIsDialledTwiceAtOnce) {
  Candidates candidates(1);
  candidates.add(host(1), false);
  candidates.add(host(1), false);
  candidates.add(host(2), true);
  const std::set<Endpoint> dialled{*candidates.next(start), *candidates.next(start)};
  EXPECT_EQ(dialled, (std::set<Endpoint>{host(1), host(2)}));
  EXPECT_EQ(candidates.next(start), std::nullopt);
}

TEST(Candidates, WhoConnectedToUsIsNotDialled) {
  Candidates candidates(1);
  candidates.add(host(1), false);
  candidates.in_use(host(1));
  candidates.in_use(host(2));
  EXPECT_EQ(candidates.next(start), std::nullopt);
}

TEST(Candidates, ChoiceIsRandom) {
  std::set<Endpoint> first;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Candidates candidates(seed);
    for (std::uint16_t i = 1; i <= 10; ++i) candidates.add(host(i), false);
    first.insert(*candidates.next(start));
  }
  EXPECT_GT(first.size(), 5u);
}

TEST(Candidates, PausesGrowWithEachFailure) {
  Candidates candidates(1);
  candidates.add(host(1), true);
  TimePoint now = start;
  Duration previous{};
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(candidates.next(now));
    candidates.failed(host(1), now);
    const TimePoint failed = now;
    while (!candidates.next(now)) now += 100ms;
    candidates.failed(host(1), failed);  // puts it back; the pause is what is looked at
    EXPECT_GE(now - failed, previous);
    EXPECT_LE(now - failed, 30s);
    previous = now - failed;
    now += 1h;
  }
  EXPECT_EQ(previous, 30s);
}

TEST(Candidates, AWorkingConnectionMakesUpForFailures) {
  Candidates candidates(1);
  candidates.add(host(1), false);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(candidates.next(start + i * 1h));
    candidates.failed(host(1), start + i * 1h);
  }
  ASSERT_TRUE(candidates.next(start + 5h));
  candidates.closed(host(1), start + 5h);
  EXPECT_FALSE(candidates.next(start + 5h));
  EXPECT_TRUE(candidates.next(start + 5h + 1s));
}

TEST(Candidates, WhoNeverAnswersIsGivenUpUntilATrackerNamesItAgain) {
  Candidates candidates(1);
  candidates.add(host(1), false);
  EXPECT_GT(failures_until_given_up(candidates, host(1), start), 3);
  candidates.add(host(1), false);
  EXPECT_EQ(failures_until_given_up(candidates, host(1), start + 200h), 1);
}

TEST(Candidates, ThoseTheUserNamedAreNeverGivenUp) {
  Candidates candidates(1);
  candidates.add(host(1), false);
  candidates.add(host(1), true);
  EXPECT_EQ(failures_until_given_up(candidates, host(1), start), 100);
}

TEST(Candidates, WhereNothingIsToBeHadNobodyDialsUntilToldAgain) {
  Candidates candidates(1);
  candidates.add(host(1), false);
  ASSERT_TRUE(candidates.next(start));
  candidates.give_up(host(1), start);
  EXPECT_FALSE(candidates.next(start + 1h));
  candidates.add(host(1), false);
  EXPECT_TRUE(candidates.next(start + 1h));
}

TEST(Candidates, APermanentOneIsTriedAgainWhereNothingWasToBeHad) {
  Candidates candidates(1);
  candidates.add(host(1), true);
  ASSERT_TRUE(candidates.next(start));
  candidates.give_up(host(1), start);
  EXPECT_FALSE(candidates.next(start + 5s));
  EXPECT_TRUE(candidates.next(start + 30s));
}

TEST(Candidates, ABarredOneStaysBarred) {
  Candidates candidates(1);
  candidates.add(host(1), true);
  candidates.bar(host(1));
  candidates.bar(host(2));
  candidates.add(host(1), true);
  candidates.add(host(2), false);
  candidates.forget_unused();
  candidates.add(host(2), false);
  EXPECT_EQ(candidates.next(start + 1h), std::nullopt);
}

TEST(Candidates, ForgettingLeavesThoseInUseAndThePermanent) {
  Candidates candidates(1);
  candidates.add(host(1), false);
  candidates.add(host(2), true);
  candidates.in_use(host(3));
  candidates.forget_unused();
  EXPECT_EQ(candidates.next(start), host(2));
  EXPECT_EQ(candidates.next(start), std::nullopt);
  candidates.closed(host(3), start);
  EXPECT_EQ(candidates.next(start + 1h), host(3));
}

TEST(Candidates, TheListIsBounded) {
  Candidates candidates(1);
  for (std::uint32_t i = 1; i <= 60'000; ++i) candidates.add(host(static_cast<std::uint16_t>(i)), false);
  std::size_t known = 0;
  while (candidates.next(start)) ++known;
  EXPECT_EQ(known, Candidates::max_entries);
}

TEST(Candidates, FailuresOfStrangersAreIgnored) {
  Candidates candidates(1);
  candidates.failed(host(1), start);
  candidates.closed(host(1), start);
  candidates.give_up(host(1), start);
  EXPECT_EQ(candidates.next(start + 1h), std::nullopt);
}

}  // namespace
}  // namespace ezio
