// How a swarm serves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "swarm_fixture.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Optional;

DriverOptions seeding() {
  DriverOptions options;
  options.config.seeding = true;
  options.config.linger.mode = Linger::Mode::forever;
  return options;
}

PeerHandle customer(Driver& driver, const Guest& guest = {}) {
  const PeerHandle peer = driver.accept(guest);
  driver.say(peer, wire::Interested{});
  EXPECT_EQ(driver.heard<wire::Unchoke>(peer).size(), 1u);
  return peer;
}

TEST(SwarmUpload, InterestIsAnsweredByAnUnchokeAtOnce) {
  Driver driver(seeding());
  const PeerHandle peer = driver.accept();
  EXPECT_TRUE(driver.heard<wire::Unchoke>(peer).empty());
  driver.say(peer, wire::Interested{});
  EXPECT_EQ(driver.heard<wire::Unchoke>(peer).size(), 1u);
}

TEST(SwarmUpload, ARequestIsReadAndThenSent) {
  Driver driver(seeding());
  const PeerHandle peer = customer(driver);
  driver.say(peer, wire::Request{block(1, 2)});
  const auto reads = driver.take<ReadSegment>();
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].segment, (SegmentRef{PieceIndex{1}, 0}));
  EXPECT_TRUE(driver.take<SendBlock>().empty());
  driver.event(SegmentRead{reads[0].segment, {}});
  const auto sent = driver.take<SendBlock>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].span, block(1, 2));
  EXPECT_EQ(sent[0].buffer, reads[0].buffer);
  EXPECT_EQ(sent[0].buffer_offset, 2 * block_bytes);
  driver.event(BlockSent{peer, sent[0].span});
  EXPECT_EQ(driver.swarm->stats().uploaded, block_bytes);
}

TEST(SwarmUpload, HoweverSmallItsRequestsWhoReadsNothingIsSentABoundedNumberOfBlocks) {
  Driver driver(seeding());
  const PeerHandle peer = customer(driver);
  for (std::uint32_t i = 0; i < 3000; ++i) driver.say(peer, wire::Request{{PieceIndex{1}, i, 1}});
  driver.finish_reads();
  driver.pass(1s);
  EXPECT_LE(driver.take<SendBlock>().size(), 256u);
}

TEST(SwarmUpload, WhoReadNothingHoldAPartOfTheBuffersOnly) {
  Driver driver(seeding());
  for (std::uint8_t i = 0; i < 40; ++i) {
    const PeerHandle peer = customer(driver);
    for (std::uint32_t piece = 0; piece < 4; ++piece) driver.say(peer, wire::Request{block(piece, 0)});
    driver.finish_reads();
  }
  driver.pass(1s);
  EXPECT_GE(driver.pool.available(), driver.pool.capacity() / 4);
}

TEST(SwarmUpload, ASegmentIsReadOnceForEverybody) {
  Driver driver(seeding());
  const PeerHandle a = customer(driver);
  const PeerHandle b = customer(driver);
  driver.say(a, wire::Request{block(1, 0)});
  driver.say(b, wire::Request{block(1, 1)});
  EXPECT_EQ(driver.swarm->io_in_flight(), 1u);
  driver.finish_reads();
  EXPECT_EQ(driver.take<SendBlock>().size(), 2u);
  driver.say(b, wire::Request{block(1, 2)});
  EXPECT_TRUE(driver.take<ReadSegment>().empty());
  EXPECT_EQ(driver.take<SendBlock>().size(), 1u);
}

TEST(SwarmUpload, RequestsInALongerQueueAreReadAhead) {
  Driver driver(seeding());
  const PeerHandle peer = customer(driver);
  for (std::uint32_t piece = 0; piece < 4; ++piece) driver.say(peer, wire::Request{block(piece, 0)});
  EXPECT_EQ(driver.take<ReadSegment>().size(), 4u);
}

TEST(SwarmUpload, WhatIsBeingSentIsPinnedUntilItIsSent) {
  DriverOptions options = seeding();
  options.buffers = 1;
  Driver driver(options);
  const PeerHandle peer = customer(driver);
  driver.say(peer, wire::Request{block(0, 0)});
  driver.say(peer, wire::Request{block(1, 0)});
  driver.finish_reads();
  EXPECT_EQ(driver.take<SendBlock>().size(), 1u);
  driver.pass(1s);
  EXPECT_TRUE(driver.take<ReadSegment>().empty()) << "the only buffer is in use";
  driver.event(BlockSent{peer, block(0, 0)});
  EXPECT_EQ(driver.take<ReadSegment>().size(), 1u);
}

TEST(SwarmUpload, APeerThatGoesReleasesWhatItWasSent) {
  Driver driver(seeding());
  const PeerHandle peer = customer(driver);
  driver.say(peer, wire::Request{block(0, 0)});
  driver.finish_reads();
  EXPECT_EQ(driver.pool.available(), driver.pool.capacity() - 1);
  driver.event(PeerDisconnected{peer, "gone"});
  EXPECT_EQ(driver.pool.available(), driver.pool.capacity());
}

TEST(SwarmUpload, WhatTheSocketHasNotTakenIsBounded) {
  DriverOptions options = seeding();
  options.piece_length = 1 * MiB;
  Driver driver(options);
  const PeerHandle peer = customer(driver);
  for (std::uint32_t i = 0; i < 180; ++i) driver.say(peer, wire::Request{block(i / 64, i % 64)});
  driver.finish_reads();
  const std::size_t sent = driver.take<SendBlock>().size();
  EXPECT_EQ(sent, 64 * KiB / block_bytes);
  driver.event(BlockSent{peer, block(0, 0)});
  driver.finish_reads();
  EXPECT_EQ(driver.take<SendBlock>().size(), 1u);
}

TEST(SwarmUpload, ChokedRequestsAreRejectedOrIgnored) {
  Driver driver(seeding());
  const PeerHandle modern = driver.accept();
  driver.say(modern, wire::Request{block(0, 0)});
  ASSERT_EQ(driver.heard<wire::Reject>(modern).size(), 1u);
  const PeerHandle old = driver.accept({.fast = false});
  driver.say(old, wire::Request{block(0, 0)});
  EXPECT_TRUE(driver.heard<wire::Reject>(old).empty());
  EXPECT_TRUE(driver.take<ReadSegment>().empty());
}

TEST(SwarmUpload, RequestsForPiecesWeLackAreRejected) {
  Driver driver;
  const PeerHandle peer = customer(driver);
  driver.say(peer, wire::Request{block(0, 0)});
  EXPECT_EQ(driver.heard<wire::Reject>(peer).size(), 1u);
  EXPECT_FALSE(driver.closed(peer));
}

TEST(SwarmUpload, ACancelledRequestIsRejectedAndNotSent) {
  Driver driver(seeding());
  const PeerHandle peer = customer(driver);
  driver.say(peer, wire::Request{block(0, 0)});
  driver.say(peer, wire::Request{block(0, 1)});
  driver.say(peer, wire::Cancel{block(0, 0)});
  const auto rejects = driver.heard<wire::Reject>(peer);
  ASSERT_EQ(rejects.size(), 1u);
  EXPECT_EQ(rejects[0].span, block(0, 0));
  driver.finish_reads();
  const auto sent = driver.take<SendBlock>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].span, block(0, 1));
}

TEST(SwarmUpload, EveryRequestThatAChokeDropsIsRejected) {
  DriverOptions options = seeding();
  options.config.limits.mesh = 200;
  Driver driver(options);
  std::vector<PeerHandle> peers;
  for (int i = 0; i < 100; ++i) peers.push_back(customer(driver));
  driver.say(peers[0], wire::Request{block(0, 0)});
  for (int i = 0; i < 100; ++i) {
    driver.say(driver.accept(), wire::Interested{});
  }
  driver.pass(30s);  // turns are taken
  std::size_t choked = 0;
  for (PeerHandle peer : peers) choked += driver.heard<wire::Choke>(peer).size();
  EXPECT_GT(choked, 50u);
  EXPECT_EQ(driver.heard<wire::Reject>(peers[0]).size(), 1u);
}

TEST(SwarmUpload, ASourceThatCannotBeReadEndsTheTorrent) {
  Driver driver(seeding());
  const PeerHandle peer = customer(driver);
  driver.say(peer, wire::Request{block(0, 0)});
  driver.finish_reads("at byte 4096 of the device: Input/output error (EIO)");
  const auto finished = driver.take<Finished>();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].outcome, SwarmOutcome::io_error);
  EXPECT_THAT(finished[0].message, HasSubstr("at byte 4096"));
  EXPECT_TRUE(driver.closed(peer));
  EXPECT_EQ(driver.pool.available(), driver.pool.capacity());
}

TEST(SwarmUpload, APeerThatTakesNoDataIsClosedAfterAMinute) {
  Driver driver(seeding());
  const PeerHandle peer = customer(driver);
  driver.say(peer, wire::Request{block(0, 0)});
  driver.finish_reads();
  driver.pass(59s);
  driver.say(peer, wire::KeepAlive{});
  EXPECT_FALSE(driver.closed(peer));
  driver.pass(2s);
  EXPECT_THAT(driver.closed(peer), Optional(HasSubstr("takes no data")));
}

TEST(SwarmUpload, AVerifiedPieceIsServedFromMemoryBeforeItIsWritten) {
  Driver driver;
  const PeerHandle source = driver.accept();
  driver.say_pieces(source, {1});
  driver.say(source, wire::Unchoke{});
  driver.serve_all(source);
  driver.finish_hashing();
  const PeerHandle peer = customer(driver);
  driver.say(peer, wire::Request{block(1, 0)});
  EXPECT_EQ(driver.take<SendBlock>().size(), 1u);
  EXPECT_TRUE(driver.take<ReadSegment>().empty());
}

TEST(SwarmUpload, ASourceThatFailsWhileItIsSentEndsTheSwarmWithAnIoError) {
  Driver driver(seeding());
  const PeerHandle peer = customer(driver);
  driver.say(peer, wire::Request{block(1, 0)});
  driver.say(peer, wire::Request{block(2, 0)});
  driver.finish_reads();
  ASSERT_EQ(driver.take<SendBlock>().size(), 2u);
  driver.event(SourceFailed{"the file has become shorter"});
  const auto finished = driver.take<Finished>();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].outcome, SwarmOutcome::io_error);
  EXPECT_EQ(finished[0].message, "read failed: the file has become shorter");
  EXPECT_TRUE(driver.closed(peer));
  EXPECT_EQ(driver.pool.available(), driver.pool.capacity());
  driver.event(SourceFailed{"once more, of another connection"});
  EXPECT_TRUE(driver.take<Finished>().empty());
  EXPECT_EQ(driver.swarm->stats().state, SwarmStats::State::finished);
}

}  // namespace
}  // namespace ezio
