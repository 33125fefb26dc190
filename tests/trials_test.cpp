#include "bt/swarm/trials.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ezio {
namespace {

using testing::HasSubstr;
using testing::Optional;

constexpr PieceIndex piece{7};
constexpr TimePoint start{std::chrono::seconds(1000)};
constexpr Duration moment{1};

bool nobody(PieceIndex) {
  return false;
}
bool somebody(PieceIndex) {
  return true;
}

Trials given_up() {
  Trials trials;
  for (std::uint32_t i = 0; i < Trials::most_failures; ++i) trials.failed(piece, "10.0.0.1:6881", start);
  return trials;
}

TEST(Trials, APieceIsTriedABoundedNumberOfTimes) {
  Trials trials;
  for (std::uint32_t i = 1; i < Trials::most_failures; ++i) {
    EXPECT_EQ(trials.failed(piece, "a", start), Trials::Verdict::again);
    EXPECT_FALSE(trials.hopeless(start + Trials::longest_patience * 2, nobody));
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(trials.failed(piece, "a", start), Trials::Verdict::given_up);
}

TEST(Trials, WhatIsGivenUpEndsTheCloneAfterAWhileAndNamesPieceAndSource) {
  const Trials trials = given_up();
  EXPECT_FALSE(trials.hopeless(start + Trials::patience - moment, nobody));
  const auto reason = trials.hopeless(start + Trials::patience, nobody);
  EXPECT_THAT(reason, Optional(HasSubstr("the source's piece 7 is wrong: 10.0.0.1:6881")));
}

TEST(Trials, WhileSomebodyHasItTheEndIsFurtherAwayAndComesAllTheSame) {
  const Trials trials = given_up();
  EXPECT_FALSE(trials.hopeless(start + Trials::longest_patience - moment, somebody));
  EXPECT_TRUE(trials.hopeless(start + Trials::longest_patience, somebody));
}

TEST(Trials, FurtherFailuresDoNotPutOffTheEnd) {
  Trials trials = given_up();
  trials.failed(piece, "b", start + Trials::patience - moment);
  EXPECT_TRUE(trials.hopeless(start + Trials::patience, nobody));
}

TEST(Trials, WhatIsVerifiedIsForgotten) {
  Trials trials = given_up();
  trials.verified(piece);
  EXPECT_EQ(trials.size(), 0u);
  EXPECT_FALSE(trials.hopeless(start + Trials::longest_patience, nobody));
}

TEST(Trials, EachPieceHasItsOwn) {
  Trials trials;
  for (std::uint32_t i = 0; i < 100; ++i) {
    EXPECT_EQ(trials.failed(PieceIndex{i}, "a", start), Trials::Verdict::again);
  }
  EXPECT_FALSE(trials.hopeless(start + Trials::longest_patience, nobody));
}

}  // namespace
}  // namespace ezio
