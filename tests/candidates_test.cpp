#include "bt/candidates.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

using namespace std::chrono_literals;

const TimePoint start = TimePoint{} + 1h;

Endpoint endpoint(std::uint8_t host) {
  return {{192, 0, 2, host}, false, 6881};
}

TEST(Candidates, AreHandedOutOnceWhileInUse) {
  Candidates candidates(1);
  candidates.add(endpoint(1), false);
  candidates.add(endpoint(1), false);
  EXPECT_EQ(candidates.next(start), endpoint(1));
  EXPECT_FALSE(candidates.next(start));
  candidates.closed(endpoint(1), start);
  EXPECT_FALSE(candidates.next(start)) << "not at once";
  EXPECT_EQ(candidates.next(start + 2s), endpoint(1));
}

TEST(Candidates, BackOffAndAreGivenUpUntilNamedAgain) {
  Candidates candidates(1);
  candidates.add(endpoint(1), false);
  TimePoint now = start;
  int tries = 0;
  while (candidates.next(now)) {
    ++tries;
    candidates.failed(endpoint(1), now);
    EXPECT_FALSE(candidates.next(now));
    now += 1min;
  }
  EXPECT_GT(tries, 3);
  EXPECT_LT(tries, 20);
  candidates.add(endpoint(1), false);
  EXPECT_EQ(candidates.next(now), endpoint(1));
}

TEST(Candidates, PermanentOnesAreDialledForEver) {
  Candidates candidates(1);
  candidates.add(endpoint(1), true);
  TimePoint now = start;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(candidates.next(now), endpoint(1)) << i;
    candidates.failed(endpoint(1), now);
    now += 31s;
  }
}

TEST(Candidates, BarredOnesAreNeverDialledAgain) {
  Candidates candidates(1);
  candidates.add(endpoint(1), true);
  ASSERT_TRUE(candidates.next(start));
  candidates.bar(endpoint(1));
  candidates.failed(endpoint(1), start);
  candidates.add(endpoint(1), true);
  EXPECT_FALSE(candidates.next(start + 1h));
}

TEST(Candidates, ConnectedOnesAreNotDialled) {
  Candidates candidates(1);
  candidates.in_use(endpoint(1));
  candidates.add(endpoint(1), false);
  EXPECT_FALSE(candidates.next(start));
}

}  // namespace
}  // namespace ezio
