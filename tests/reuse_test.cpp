// What to ask a target for, before the clone and after it.
#include "bt/swarm/reuse.hpp"

#include <gtest/gtest.h>

#include "bt/swarm/read_back.hpp"

namespace ezio {
namespace {

Bitfield none(std::uint32_t pieces) {
  return Bitfield(pieces);
}

TEST(Reuse, SamplesLieInEachPartOfTheTargetAndChangeWithTheSeed) {
  Reuse reuse(Reuse::Mode::automatic);
  const auto first = reuse.first(none(1600), 1);
  ASSERT_EQ(first.size(), Reuse::samples);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].value() / 100, i);
  EXPECT_TRUE(reuse.sampling());
  EXPECT_NE(first, Reuse(Reuse::Mode::automatic).first(none(1600), 2));
}

TEST(Reuse, GoesOnWhereASampleIsRightAndOnlyThere) {
  Reuse blank(Reuse::Mode::automatic);
  blank.first(none(1600), 1);
  EXPECT_FALSE(blank.go_on());
  Reuse used(Reuse::Mode::automatic);
  used.first(none(1600), 1);
  used.right();
  EXPECT_TRUE(used.go_on());
  EXPECT_FALSE(used.sampling());
  EXPECT_FALSE(used.go_on()) << "once";
}

TEST(Reuse, PiecesOfZerosAreNoSamplesSinceABlankDiskHasThem) {
  Bitfield zeros(40);
  for (PieceIndex piece; piece.value() < 38; ++piece) zeros.set(piece);
  Reuse reuse(Reuse::Mode::automatic);
  EXPECT_EQ(reuse.first(zeros, 1), (std::vector{PieceIndex{38}, PieceIndex{39}}));
}

TEST(Reuse, AllAsksForEverythingAndOffForNothing) {
  Reuse all(Reuse::Mode::all);
  EXPECT_EQ(all.first(none(100), 1).size(), 100u);
  EXPECT_FALSE(all.sampling()) << "fetching need not wait";
  EXPECT_FALSE(all.go_on());
  Reuse off(Reuse::Mode::off);
  EXPECT_TRUE(off.first(none(100), 1).empty());
}

TEST(Reuse, ADiskThatCannotBeReadIsNotAskedForEver) {
  Reuse reuse(Reuse::Mode::automatic);
  reuse.first(none(1600), 1);
  reuse.right();
  EXPECT_TRUE(reuse.unreadable());
  EXPECT_TRUE(reuse.unreadable());
  EXPECT_FALSE(reuse.unreadable());
  EXPECT_FALSE(reuse.go_on());
}

TEST(ReadBack, APieceMayBeWrongOnceAndAThirdPassMustBeClean) {
  ReadBack check;
  check.begin_pass();
  EXPECT_TRUE(check.may_repair(PieceIndex{7}));
  EXPECT_FALSE(check.all_right());
  check.begin_pass();
  EXPECT_FALSE(check.may_repair(PieceIndex{7})) << "again";
  EXPECT_TRUE(check.may_repair(PieceIndex{8})) << "another";
  check.begin_pass();
  EXPECT_TRUE(check.all_right());
  EXPECT_FALSE(check.may_repair(PieceIndex{9})) << "in the last pass";
}

}  // namespace
}  // namespace ezio
