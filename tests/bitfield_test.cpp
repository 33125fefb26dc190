#include "bt/base/bitfield.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ezio {
namespace {

using testing::HasSubstr;

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

std::vector<std::byte> wire_of(const Bitfield& pieces) {
  const Bytes view = pieces.to_wire();
  return {view.begin(), view.end()};
}

TEST(Bitfield, StartsEmpty) {
  const Bitfield pieces(10);
  EXPECT_EQ(pieces.size(), 10U);
  EXPECT_EQ(pieces.count(), 0U);
  EXPECT_TRUE(pieces.none());
  EXPECT_FALSE(pieces.all());
  EXPECT_EQ(wire_of(pieces), bytes({0, 0}));
}

TEST(Bitfield, TheHighBitOfTheFirstByteIsPieceZero) {
  Bitfield pieces(10);
  pieces.set(PieceIndex(0));
  pieces.set(PieceIndex(7));
  pieces.set(PieceIndex(9));
  EXPECT_EQ(wire_of(pieces), bytes({0x81, 0x40}));
}

TEST(Bitfield, SetAndResetSayWhetherTheyChangedAnything) {
  Bitfield pieces(9);
  EXPECT_TRUE(pieces.set(PieceIndex(8)));
  EXPECT_FALSE(pieces.set(PieceIndex(8)));
  EXPECT_EQ(pieces.count(), 1U);
  EXPECT_TRUE(pieces.reset(PieceIndex(8)));
  EXPECT_FALSE(pieces.reset(PieceIndex(8)));
  EXPECT_EQ(pieces.count(), 0U);
}

TEST(Bitfield, IsCompleteWithEveryPieceAndLeavesSpareBitsClear) {
  for (std::uint32_t size = 1; size <= 17; ++size) {
    Bitfield one_by_one(size);
    for (std::uint32_t i = 0; i < size; ++i) {
      EXPECT_FALSE(one_by_one.all());
      one_by_one.set(PieceIndex(i));
    }
    Bitfield at_once(size);
    at_once.set_all();
    EXPECT_TRUE(one_by_one.all());
    EXPECT_TRUE(at_once.all());
    EXPECT_EQ(wire_of(one_by_one), wire_of(at_once)) << size;
    EXPECT_EQ(at_once.count(), size);
  }
}

TEST(Bitfield, SurvivesTheWire) {
  Bitfield pieces(21);
  for (const std::uint32_t i : {0U, 5U, 8U, 20U}) pieces.set(PieceIndex(i));
  const Result<Bitfield> copy = Bitfield::from_wire(pieces.to_wire(), 21);
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->count(), 4U);
  for (std::uint32_t i = 0; i < 21; ++i)
    EXPECT_EQ(copy->test(PieceIndex(i)), pieces.test(PieceIndex(i))) << i;
}

TEST(Bitfield, RefusesPayloadsOfAnyOtherLength) {
  for (const std::size_t length : {0U, 1U, 3U, 100U}) {
    const Result<Bitfield> pieces = Bitfield::from_wire(std::vector<std::byte>(length), 16);
    ASSERT_FALSE(pieces) << length;
    EXPECT_THAT(pieces.error().message, HasSubstr("16 pieces need 2"));
  }
}

TEST(Bitfield, RefusesSetSpareBits) {
  EXPECT_TRUE(Bitfield::from_wire(bytes({0xff, 0xf8}), 13));
  for (const int last : {0xf9, 0xfa, 0xfc, 0x01, 0x04})
    EXPECT_FALSE(Bitfield::from_wire(bytes({0xff, last}), 13)) << last;
}

TEST(Bitfield, OfNoPiecesIsAllAndNone) {
  Bitfield pieces;
  pieces.set_all();
  EXPECT_TRUE(pieces.all());
  EXPECT_TRUE(pieces.none());
  EXPECT_TRUE(Bitfield::from_wire({}, 0));
}

}  // namespace
}  // namespace ezio
