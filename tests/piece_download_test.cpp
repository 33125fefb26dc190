#include "bt/swarm/piece_download.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ezio {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr PeerHandle alice{1};
constexpr PeerHandle bob{2};

// Two pieces; the last one is 1 MiB + 2.5 blocks, so two segments, the second of three blocks.
constexpr Geometry shape(2 * MiB + MiB + 5 * block_bytes / 2, 2 * MiB);
constexpr PieceIndex last{1};
constexpr std::uint32_t last_bytes = MiB + 5 * block_bytes / 2;

BlockSpan span(std::uint32_t first_block, std::uint32_t bytes) {
  return {last, first_block * block_bytes, bytes};
}
PieceDownload fresh() {
  return {shape, last, {BufferId{4}, BufferId{7}}};
}
void fetch(PieceDownload& download, const BlockSpan& run, PeerHandle from, bool vouched = true) {
  download.request(run);
  download.arriving(run);
  download.received(run, from, vouched);
  download.give_back(run);
}

std::vector<PeerHandle> peers_of(const PieceDownload& download) {
  std::vector<PeerHandle> peers;
  for (const auto& contributor : download.contributors()) peers.push_back(contributor.peer);
  return peers;
}

TEST(PieceDownload, ContributorsVouchOnlyIfTheyDidForEveryBlock) {
  PieceDownload download = fresh();
  fetch(download, span(0, block_bytes), PeerHandle{1});
  fetch(download, span(1, block_bytes), PeerHandle{2}, false);
  EXPECT_TRUE(download.contributors()[0].vouched);
  EXPECT_FALSE(download.contributors()[1].vouched);
  fetch(download, span(2, block_bytes), PeerHandle{1}, false);
  fetch(download, span(3, block_bytes), PeerHandle{2});
  for (const auto& contributor : download.contributors()) EXPECT_FALSE(contributor.vouched);
}

TEST(PieceDownload, HoldsWhatWasReceived) {
  PieceDownload download = fresh();
  fetch(download, span(1, 2 * block_bytes), PeerHandle{1});
  EXPECT_TRUE(download.holds(span(1, 2 * block_bytes)));
  EXPECT_TRUE(download.holds(span(2, block_bytes)));
  EXPECT_FALSE(download.holds(span(0, 2 * block_bytes)));
  EXPECT_FALSE(download.holds(span(2, 2 * block_bytes)));
}

TEST(PieceDownload, BeginsOpenAndUntouched) {
  const PieceDownload download = fresh();
  EXPECT_TRUE(download.has_open(0) && download.has_open(1) && download.untouched() && download.idle());
  EXPECT_FALSE(download.complete());
  EXPECT_EQ(download.received_prefix(), 0u);
  EXPECT_EQ(download.buffer(1), BufferId{7});
}

TEST(PieceDownload, OpenRunsAreOfTheSizeAskedFor) {
  const PieceDownload download = fresh();
  EXPECT_EQ(download.first_open(0, block_bytes), span(0, block_bytes));
  EXPECT_EQ(download.first_open(0, 4 * block_bytes), span(0, 4 * block_bytes));
  EXPECT_EQ(download.first_open(0, 3 * block_bytes + 1), span(0, 3 * block_bytes));
}

TEST(PieceDownload, OpenRunsEndAtTheSegmentAndAtThePiece) {
  PieceDownload download = fresh();
  EXPECT_EQ(download.first_open(0, 2 * MiB), span(0, MiB));
  download.request(span(0, MiB - block_bytes));
  EXPECT_EQ(download.first_open(0, MiB), span(63, block_bytes));
  download.request(span(63, block_bytes));
  EXPECT_EQ(download.first_open(1, MiB), span(64, 5 * block_bytes / 2));
  download.request(span(64, 2 * block_bytes));
  EXPECT_EQ(download.first_open(1, block_bytes), span(66, block_bytes / 2));
  download.request(span(66, block_bytes / 2));
  EXPECT_EQ(download.first_open(1, MiB), std::nullopt);
  EXPECT_FALSE(download.has_open(0) || download.has_open(1));
}

TEST(PieceDownload, SegmentsAreBegunAndCompletedEach) {
  PieceDownload download = fresh();
  EXPECT_EQ(download.segment_count(), 2u);
  EXPECT_EQ(download.first_unbegun(), 0u);
  download.begin(0);
  EXPECT_TRUE(download.begun(0));
  EXPECT_EQ(download.first_unbegun(), 1u);
  download.begin(1);
  EXPECT_EQ(download.first_unbegun(), std::nullopt);
  download.set_source(0, alice);
  download.set_source(1, bob);
  download.exclusive = bob;
  download.let_go(bob);
  EXPECT_EQ(download.source(0), alice);
  EXPECT_EQ(download.source(1), std::nullopt);
  EXPECT_EQ(download.exclusive, std::nullopt);
  EXPECT_EQ(download.missing_bytes(1), 5 * block_bytes / 2);
  fetch(download, span(64, 5 * block_bytes / 2), alice);
  EXPECT_TRUE(download.complete(1));
  EXPECT_FALSE(download.untouched(1));
  EXPECT_TRUE(download.untouched(0));
  EXPECT_FALSE(download.complete());
  download.reset();
  EXPECT_FALSE(download.complete(1));
  EXPECT_EQ(download.missing_bytes(1), 5 * block_bytes / 2);
}

TEST(PieceDownload, OpenRunsEndWhereABlockIsTaken) {
  PieceDownload download = fresh();
  download.request(span(2, block_bytes));
  EXPECT_EQ(download.first_open(0, MiB), span(0, 2 * block_bytes));
}

TEST(PieceDownload, BlocksGivenBackAreOpenAgain) {
  PieceDownload download = fresh();
  download.request(span(0, MiB));
  download.request(span(64, 5 * block_bytes / 2));
  download.give_back(span(5, 2 * block_bytes));
  EXPECT_EQ(download.first_open(0, MiB), span(5, 2 * block_bytes));
}

TEST(PieceDownload, ABlockAskedOfTwoIsOpenWhenBothGaveItBack) {
  PieceDownload download = fresh();
  download.request(span(0, block_bytes));
  EXPECT_TRUE(download.wants_duplicate(span(0, block_bytes)));
  download.request(span(0, block_bytes));
  EXPECT_FALSE(download.wants_duplicate(span(0, block_bytes)));
  download.give_back(span(0, block_bytes));
  EXPECT_EQ(download.first_open(0, block_bytes), span(1, block_bytes));
  download.give_back(span(0, block_bytes));
  EXPECT_EQ(download.first_open(0, block_bytes), span(0, block_bytes));
}

TEST(PieceDownload, OnlyWholeBlocksAreRuns) {
  const PieceDownload download = fresh();
  EXPECT_TRUE(download.is_block_run(span(3, 2 * block_bytes)));
  EXPECT_TRUE(download.is_block_run(span(66, block_bytes / 2)));
  EXPECT_FALSE(download.is_block_run(span(3, block_bytes / 2)));
  EXPECT_FALSE(download.is_block_run({last, 1, block_bytes}));
}

TEST(PieceDownload, WhatIsArrivingIsNeitherWantedNorOpenNorIdle) {
  PieceDownload download = fresh();
  download.request(span(0, block_bytes));
  download.give_back(span(0, block_bytes));  // timed out, and yet it comes
  download.arriving(span(0, block_bytes));
  EXPECT_FALSE(download.wants(span(0, 2 * block_bytes)));
  EXPECT_EQ(download.first_open(0, block_bytes), span(1, block_bytes));
  EXPECT_FALSE(download.idle());
  EXPECT_FALSE(download.untouched());
  download.arrival_ended(span(0, block_bytes));
  EXPECT_TRUE(download.wants(span(0, 2 * block_bytes)));
  EXPECT_TRUE(download.idle());
}

TEST(PieceDownload, ThePrefixGrowsOverWhatCameBefore) {
  PieceDownload download = fresh();
  fetch(download, span(1, 2 * block_bytes), alice);
  EXPECT_EQ(download.received_prefix(), 0u);
  fetch(download, span(0, block_bytes), bob);
  EXPECT_EQ(download.received_prefix(), 3 * block_bytes);
  EXPECT_EQ(download.received_bytes(), 3 * block_bytes);
}

TEST(PieceDownload, TheShortLastBlockCompletesThePiece) {
  PieceDownload download = fresh();
  fetch(download, span(0, MiB), alice);
  fetch(download, span(64, 5 * block_bytes / 2), alice);
  EXPECT_TRUE(download.complete());
  EXPECT_EQ(download.received_prefix(), last_bytes);
  EXPECT_EQ(download.received_bytes(), last_bytes);
}

TEST(PieceDownload, EverySenderIsAContributorOnce) {
  PieceDownload download = fresh();
  EXPECT_THAT(download.contributors(), IsEmpty());
  fetch(download, span(0, block_bytes), alice);
  fetch(download, span(2, block_bytes), bob);
  fetch(download, span(1, block_bytes), alice);
  EXPECT_THAT(peers_of(download), ElementsAre(alice, bob));
}

TEST(PieceDownload, AResetOpensEverythingButWhatSomebodyIsStillAsked) {
  PieceDownload download = fresh();
  download.request(span(0, block_bytes));  // of bob, in the endgame, who is slow
  fetch(download, span(0, MiB), alice);
  fetch(download, span(64, 5 * block_bytes / 2), alice);
  download.hashed = last_bytes;
  download.reset();
  EXPECT_EQ(download.hashed, 0u);
  EXPECT_EQ(download.received_prefix(), 0u);
  EXPECT_EQ(download.received_bytes(), 0u);
  EXPECT_THAT(download.contributors(), IsEmpty());
  EXPECT_EQ(download.first_open(0, MiB), span(1, MiB - block_bytes));
  EXPECT_FALSE(download.untouched());
  download.give_back(span(0, block_bytes));
  EXPECT_TRUE(download.untouched());
}

TEST(PieceDownload, WhatIsBeingHashedIsNotIdle) {
  PieceDownload download = fresh();
  fetch(download, span(0, block_bytes), alice);
  EXPECT_TRUE(download.idle());
  download.hashing = true;
  EXPECT_FALSE(download.idle());
}

TEST(PieceDownload, RequestedTellsWhetherSomebodyIsAsked) {
  PieceDownload download = fresh();
  EXPECT_FALSE(download.requested(span(0, MiB)));
  download.request(span(9, block_bytes));
  EXPECT_TRUE(download.requested(span(8, 2 * block_bytes)));
  EXPECT_FALSE(download.requested(span(10, 2 * block_bytes)));
}

// ---------------------------------------------------------------- frames

constexpr SegmentFrame frame{99, 5 * block_bytes / 2};  // of the first segment

PieceDownload framed() {
  PieceDownload download = fresh();
  download.begin(0);
  download.set_frame(0, frame, BufferId{12});
  return download;
}
BlockSpan of_frame(std::uint32_t first_block, std::uint32_t bytes, FrameId id = frame.id) {
  return {last, first_block * block_bytes, bytes, id};
}

TEST(PieceDownloadFrame, ConsistsOfItsOwnBlocks) {
  PieceDownload download = framed();
  EXPECT_EQ(download.missing_bytes(0), frame.bytes);
  EXPECT_EQ(download.missing_bytes(), frame.bytes + 5 * block_bytes / 2);
  EXPECT_EQ(download.first_open(0, MiB), of_frame(0, frame.bytes));
  EXPECT_EQ(download.first_open(0, 2 * block_bytes), of_frame(0, 2 * block_bytes));
  EXPECT_EQ(download.buffer_of(of_frame(0, block_bytes)), BufferId{12});
  EXPECT_EQ(download.buffer_of(span(0, block_bytes)), BufferId{4});
}

TEST(PieceDownloadFrame, SpansOfAnotherFormAreNotWanted) {
  PieceDownload download = framed();
  EXPECT_TRUE(download.wants(of_frame(0, block_bytes)));
  EXPECT_FALSE(download.wants(of_frame(0, block_bytes, 98))) << "of another frame";
  EXPECT_FALSE(download.wants(span(0, block_bytes))) << "of the segment's own bytes";
  EXPECT_FALSE(download.wants(of_frame(0, frame.bytes + 1))) << "beyond its end";
  EXPECT_TRUE(download.wants(span(64, block_bytes))) << "of the other segment";
}

TEST(PieceDownloadFrame, CanBePassedOnBeforeItIsUnpackedAndItsOwnBytesAfter) {
  PieceDownload download = framed();
  fetch(download, of_frame(0, 2 * block_bytes), alice);
  EXPECT_TRUE(download.holds(of_frame(1, block_bytes)));
  EXPECT_FALSE(download.holds(of_frame(0, frame.bytes)));
  EXPECT_FALSE(download.is_packed(0));
  fetch(download, of_frame(2, block_bytes / 2), bob);
  EXPECT_TRUE(download.complete(0));
  EXPECT_TRUE(download.is_packed(0));
  EXPECT_TRUE(download.holds(of_frame(0, frame.bytes)));
  EXPECT_FALSE(download.holds(span(0, block_bytes)));
  EXPECT_EQ(download.received_prefix(), 0u) << "nothing to hash yet";
  download.unpacking(0);
  EXPECT_FALSE(download.idle());
  EXPECT_FALSE(download.may_drop_frame(0));
  download.unpacked(0, true);
  EXPECT_TRUE(download.holds(span(63, block_bytes)));
  EXPECT_EQ(download.received_prefix(), MiB);
  EXPECT_TRUE(download.frame_is_good(0));
  EXPECT_THAT(peers_of(download), ElementsAre(alice, bob));
}

TEST(PieceDownloadFrame, MakesAPieceCompleteWithTheOtherSegments) {
  PieceDownload download = framed();
  fetch(download, of_frame(0, frame.bytes), alice);
  fetch(download, span(64, 5 * block_bytes / 2), bob);
  EXPECT_TRUE(download.complete());
  EXPECT_EQ(download.missing_bytes(), 0u);
  download.unpacking(0);
  download.unpacked(0, false);
  EXPECT_EQ(download.received_prefix(), last_bytes) << "the hash will tell";
  EXPECT_FALSE(download.frame_is_good(0));
}

TEST(PieceDownloadFrame, DroppedLeavesTheSegmentOpen) {
  PieceDownload download = framed();
  download.request(of_frame(0, block_bytes));
  EXPECT_FALSE(download.may_drop_frame(0)) << "somebody is asked";
  download.arriving(of_frame(0, block_bytes));
  download.give_back(of_frame(0, block_bytes));
  EXPECT_FALSE(download.may_drop_frame(0)) << "it is coming";
  download.received(of_frame(0, block_bytes), alice, true);
  ASSERT_TRUE(download.may_drop_frame(0));
  download.drop_frame(0);
  EXPECT_TRUE(download.untouched(0));
  EXPECT_TRUE(download.untouched());
  EXPECT_EQ(download.received_bytes(), 0u);
  EXPECT_EQ(download.first_open(0, 2 * MiB), span(0, MiB));
  EXPECT_THAT(peers_of(download), IsEmpty());
  fetch(download, span(0, MiB), bob);
  EXPECT_EQ(download.received_prefix(), MiB);
}

}  // namespace
}  // namespace ezio
