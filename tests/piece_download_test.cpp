#include "bt/piece_download.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ezio {
namespace {

constexpr Geometry geometry(5 * MiB + 40000, 2 * MiB);  // the last piece: 1 MiB + 40000 bytes, 67 blocks
constexpr PieceIndex last_piece{2};
constexpr PeerHandle alice{1};
constexpr PeerHandle bob{2};

PieceDownload whole_piece() {
  return {geometry, PieceIndex{0}, {BufferId{0}, BufferId{1}}};
}
PieceDownload short_piece() {
  return {geometry, last_piece, {BufferId{0}, BufferId{1}}};
}

void fetch(PieceDownload& download, const BlockSpan& span, PeerHandle from) {
  download.request(span);
  download.arriving(span);
  download.received(span, from);
  download.give_back(span);
}

TEST(PieceDownload, OffersRunsUpToTheSizeAskedForAndNeverAcrossSegments) {
  PieceDownload download = whole_piece();
  EXPECT_EQ(download.first_open(block_bytes), (BlockSpan{PieceIndex{0}, 0, block_bytes}));
  EXPECT_EQ(download.first_open(300 * KiB)->length, 300 * KiB / block_bytes * block_bytes);
  download.request({PieceIndex{0}, 0, 1 * MiB - block_bytes});
  EXPECT_EQ(download.first_open(1 * MiB), (BlockSpan{PieceIndex{0}, 1 * MiB - block_bytes, block_bytes}));
}

TEST(PieceDownload, OffersTheShortLastBlock) {
  PieceDownload download = short_piece();
  download.request({last_piece, 0, 1 * MiB});
  const BlockSpan rest{last_piece, 1 * MiB, 40000};
  EXPECT_EQ(download.first_open(1 * MiB), rest);
  EXPECT_TRUE(download.is_block_run(rest));
  EXPECT_FALSE(download.is_block_run({last_piece, 1 * MiB, 39999}));
  EXPECT_FALSE(download.is_block_run({last_piece, 1, block_bytes}));
  download.request(rest);
  EXPECT_FALSE(download.has_open());
  EXPECT_EQ(download.first_open(1 * MiB), std::nullopt);
}

TEST(PieceDownload, OpensWhatNobodyIsAskedForAnyMore) {
  PieceDownload download = whole_piece();
  const BlockSpan span{PieceIndex{0}, 0, 64 * KiB};
  download.request(span);
  download.request(span);
  download.give_back(span);
  EXPECT_EQ(download.first_open(block_bytes)->begin, 64 * KiB);
  download.give_back(span);
  EXPECT_EQ(download.first_open(block_bytes)->begin, 0u);
  EXPECT_TRUE(download.untouched());
}

TEST(PieceDownload, WantsABlockOnlyOnce) {
  PieceDownload download = whole_piece();
  const BlockSpan span{PieceIndex{0}, 0, 64 * KiB};
  const BlockSpan part{PieceIndex{0}, 48 * KiB, block_bytes};
  download.request(span);
  EXPECT_TRUE(download.wants_duplicate(part));
  download.request(part);
  EXPECT_FALSE(download.wants_duplicate(part)) << "two are asked already";
  download.arriving(span);
  EXPECT_FALSE(download.wants(part));
  download.arrival_ended(span);
  EXPECT_TRUE(download.wants(part));
  download.arriving(span);
  download.received(span, alice);
  EXPECT_FALSE(download.wants(part));
}

TEST(PieceDownload, PrefixGrowsOnlyWithoutGaps) {
  PieceDownload download = short_piece();
  fetch(download, {last_piece, block_bytes, block_bytes}, alice);
  EXPECT_EQ(download.received_prefix(), 0u);
  fetch(download, {last_piece, 0, block_bytes}, bob);
  EXPECT_EQ(download.received_prefix(), 2 * block_bytes);
  fetch(download, {last_piece, 2 * block_bytes, 1 * MiB - 2 * block_bytes}, bob);
  EXPECT_FALSE(download.complete());
  fetch(download, {last_piece, 1 * MiB, 40000}, alice);
  EXPECT_TRUE(download.complete());
  EXPECT_EQ(download.received_prefix(), download.size());
  EXPECT_THAT(download.contributors(), ::testing::UnorderedElementsAre(alice, bob));
}

TEST(PieceDownload, ResetOpensEverythingAgain) {
  PieceDownload download = short_piece();
  fetch(download, {last_piece, 0, 1 * MiB}, alice);
  fetch(download, {last_piece, 1 * MiB, 40000}, alice);
  download.hashed = download.size();
  download.reset();
  EXPECT_TRUE(download.untouched());
  EXPECT_EQ(download.hashed, 0u);
  EXPECT_EQ(download.received_prefix(), 0u);
  EXPECT_TRUE(download.contributors().empty());
  EXPECT_EQ(download.first_open(block_bytes)->begin, 0u);
}

TEST(PieceDownload, IsIdleOnlyWhenNothingIsUnderWay) {
  PieceDownload download = whole_piece();
  const BlockSpan span{PieceIndex{0}, 0, block_bytes};
  EXPECT_TRUE(download.idle());
  download.request(span);
  EXPECT_FALSE(download.idle());
  download.arriving(span);
  download.received(span, alice);
  download.give_back(span);
  EXPECT_TRUE(download.idle());
  download.hashing = true;
  EXPECT_FALSE(download.idle());
}

}  // namespace
}  // namespace ezio
