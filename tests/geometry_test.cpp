#include "bt/base/geometry.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

constexpr Geometry short_tail(5 * MiB + 40000, 2 * MiB);  // pieces of 2, 2 and 1 MiB + 40000 bytes

TEST(Geometry, LastPieceIsShort) {
  EXPECT_EQ(short_tail.piece_count(), 3u);
  EXPECT_EQ(short_tail.piece_size(PieceIndex{1}), 2 * MiB);
  EXPECT_EQ(short_tail.piece_size(PieceIndex{2}), 1 * MiB + 40000);
  EXPECT_EQ(short_tail.piece_offset(PieceIndex{2}), 4ull * MiB);
}

TEST(Geometry, TotalThatIsAMultipleHasAFullLastPiece) {
  constexpr Geometry whole(4 * MiB, 2 * MiB);
  EXPECT_EQ(whole.piece_count(), 2u);
  EXPECT_EQ(whole.piece_size(PieceIndex{1}), 2 * MiB);
}

TEST(Geometry, BlocksOfTheLastPieceEndShort) {
  EXPECT_EQ(short_tail.block_count(PieceIndex{0}), 128u);
  EXPECT_EQ(short_tail.block_count(PieceIndex{2}), 67u);
  EXPECT_EQ(short_tail.block_size(PieceIndex{2}, 65), block_bytes);
  EXPECT_EQ(short_tail.block_size(PieceIndex{2}, 66), 40000 - 2 * block_bytes);
}

TEST(Geometry, SegmentsOfTheLastPieceEndShort) {
  EXPECT_EQ(short_tail.segment_count(PieceIndex{0}), 2u);
  EXPECT_EQ(short_tail.segment_count(PieceIndex{2}), 2u);
  EXPECT_EQ(short_tail.segment_size({PieceIndex{2}, 1}), 40000u);
  EXPECT_EQ(short_tail.segment_offset({PieceIndex{2}, 1}), 5ull * MiB);
}

TEST(Geometry, SmallPiecesAreTheirOwnSegment) {
  constexpr Geometry small(100 * KiB, 32 * KiB);
  EXPECT_EQ(small.segment_bytes(), 32 * KiB);
  EXPECT_EQ(small.segment_count(PieceIndex{3}), 1u);
  EXPECT_EQ(small.segment_size({PieceIndex{3}, 0}), 4 * KiB);
}

TEST(Geometry, SpansFromTheWireAreCheckedWithoutOverflow) {
  EXPECT_TRUE(short_tail.contains(BlockSpan{PieceIndex{2}, 1 * MiB, 40000}));
  EXPECT_FALSE(short_tail.contains(BlockSpan{PieceIndex{2}, 1 * MiB, 40001}));
  EXPECT_FALSE(short_tail.contains(BlockSpan{PieceIndex{3}, 0, 1}));
  EXPECT_FALSE(short_tail.contains(BlockSpan{PieceIndex{0}, 0, 0}));
  EXPECT_FALSE(short_tail.contains(BlockSpan{PieceIndex{0}, 0xFFFFFFFF, 0xFFFFFFFF}));
  EXPECT_FALSE(short_tail.contains(BlockSpan{PieceIndex{0xFFFFFFFF}, 0, 16384}));
}

TEST(Geometry, RunsThatCrossSegmentsAreFound) {
  EXPECT_TRUE(short_tail.fits_segment({PieceIndex{0}, MiB - block_bytes, block_bytes}));
  EXPECT_FALSE(short_tail.fits_segment({PieceIndex{0}, MiB - 1, 2}));
  EXPECT_EQ(short_tail.segment_of({PieceIndex{0}, MiB, block_bytes}).segment, 1u);
}

TEST(Geometry, SizesBeyond32BitsHold) {
  constexpr Geometry large(std::uint64_t{1} << 45, 64 * MiB);
  EXPECT_EQ(large.piece_count(), 1u << 19);
  EXPECT_EQ(large.piece_offset(PieceIndex{(1u << 19) - 1}), (std::uint64_t{1} << 45) - 64 * MiB);
}

}  // namespace
}  // namespace ezio
