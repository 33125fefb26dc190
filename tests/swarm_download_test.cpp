// How a swarm fetches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "swarm_fixture.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Optional;

DriverOptions large() {
  DriverOptions options;
  options.pieces = 8;
  options.piece_length = options.last_piece_bytes = 1 * MiB;
  options.buffers = 12;
  options.share = 8;
  return options;
}

std::uint64_t bytes_of(const std::vector<wire::Request>& requests) {
  std::uint64_t bytes = 0;
  for (const wire::Request& request : requests) bytes += request.span.length;
  return bytes;
}

TEST(SwarmDownload, InterestIsDeclaredWherePiecesAreToBeHad) {
  Driver driver;
  const PeerHandle peer = driver.accept();
  driver.say(peer, wire::HaveNone{});
  EXPECT_TRUE(driver.heard<wire::Interested>(peer).empty());
  driver.say(peer, wire::Have{PieceIndex{2}});
  driver.say(peer, wire::Have{PieceIndex{3}});
  EXPECT_EQ(driver.heard<wire::Interested>(peer).size(), 1u);
}

TEST(SwarmDownload, InterestIsWithdrawnWhenNothingIsLeft) {
  Driver driver;
  const PeerHandle peer = driver.accept();
  driver.say_pieces(peer, {3});
  driver.say(peer, wire::Unchoke{});
  driver.serve_all(peer);
  EXPECT_TRUE(driver.heard<wire::NotInterested>(peer).empty());
  driver.finish_hashing();
  EXPECT_EQ(driver.heard<wire::NotInterested>(peer).size(), 1u);
}

TEST(SwarmDownload, NothingIsRequestedWhileChoked) {
  Driver driver;
  const PeerHandle peer = driver.accept();
  driver.say(peer, wire::HaveAll{});
  driver.pass(2s);
  EXPECT_TRUE(driver.heard<wire::Request>(peer).empty());
  driver.say(peer, wire::Unchoke{});
  EXPECT_FALSE(driver.heard<wire::Request>(peer).empty());
}

TEST(SwarmDownload, StrangersAreAskedForBlocksOf16KiBAndAWindowFullOfThem) {
  Driver driver(large());
  const PeerHandle peer = driver.seed();
  const auto requests = driver.heard<wire::Request>(peer);
  EXPECT_EQ(bytes_of(requests), 256 * KiB);
  for (const wire::Request& request : requests) EXPECT_EQ(request.span.length, block_bytes);
}

TEST(SwarmDownload, NoMoreIsRequestedThanThePeerQueues) {
  Driver driver(large());
  const PeerHandle peer = driver.accept();
  wire::ExtensionHandshake hello;
  hello.request_queue = 5;
  driver.say(peer, hello);
  driver.say(peer, wire::HaveAll{});
  driver.say(peer, wire::Unchoke{});
  const auto requests = driver.heard<wire::Request>(peer);
  EXPECT_EQ(requests.size(), 5u);
  driver.send_block(peer, requests[0].span);
  EXPECT_EQ(driver.heard<wire::Request>(peer).size(), 1u);
}

TEST(SwarmDownload, ThoseWhoOfferItAreAskedForLargeBlocks) {
  Driver driver(large());
  const PeerHandle peer = driver.accept();
  wire::ExtensionHandshake hello;
  hello.largest_request = 1 * MiB;
  driver.say(peer, hello);
  driver.say(peer, wire::HaveAll{});
  driver.say(peer, wire::Unchoke{});
  const auto requests = driver.heard<wire::Request>(peer);
  EXPECT_EQ(bytes_of(requests), 256 * KiB);
  for (const wire::Request& request : requests) EXPECT_GT(request.span.length, block_bytes);
}

TEST(SwarmDownload, WithoutABufferNothingIsRequested) {
  DriverOptions options = large();
  options.buffers = 2;
  options.share = 1;
  Driver driver(options);
  const PeerHandle peer = driver.seed();
  std::set<PieceIndex> pieces;
  for (int i = 0; i < 4; ++i) {
    const auto requests = driver.heard<wire::Request>(peer);
    for (const wire::Request& request : requests) {
      pieces.insert(request.span.piece);
      driver.send_block(peer, request.span);
    }
  }
  EXPECT_EQ(pieces.size(), 1u) << "one buffer, one piece";
  driver.finish_hashing();
  driver.pass(1s);
  EXPECT_TRUE(driver.heard<wire::Request>(peer).empty()) << "it is being written";
  driver.finish_writes();
  EXPECT_FALSE(driver.heard<wire::Request>(peer).empty());
}

TEST(SwarmDownload, ABlockGoesToItsPlaceInThePiece) {
  Driver driver(large());
  const PeerHandle peer = driver.seed();
  const auto requests = driver.heard<wire::Request>(peer);
  const ReceivePayload first = driver.send_block(peer, requests[0].span);
  const ReceivePayload fourth = driver.send_block(peer, requests[3].span);
  ASSERT_TRUE(first.buffer && fourth.buffer);
  EXPECT_EQ(first.buffer, fourth.buffer);
  EXPECT_EQ(first.buffer_offset, 0u);
  EXPECT_EQ(fourth.buffer_offset, 3 * block_bytes);
}

TEST(SwarmDownload, ABlockNobodyAskedForClosesTheConnection) {
  Driver driver;
  const PeerHandle peer = driver.accept();
  driver.event(BlockHeaderReceived{peer, block(0, 0)});
  EXPECT_THAT(driver.closed(peer), Optional(HasSubstr("not requested")));
  EXPECT_TRUE(driver.take<ReceivePayload>().empty());
}

TEST(SwarmDownload, AVerifiedPieceIsWrittenAndAnnouncedToEverybody) {
  Driver driver;
  const PeerHandle source = driver.accept();
  const PeerHandle other = driver.accept({.fast = false});
  driver.say_pieces(source, {2});
  driver.say(source, wire::Unchoke{});
  driver.serve_all(source);
  EXPECT_TRUE(driver.take<WriteSegment>().empty());
  EXPECT_TRUE(driver.heard<wire::Have>(other).empty());
  driver.finish_hashing();
  const auto writes = driver.take<WriteSegment>();
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].segment, (SegmentRef{PieceIndex{2}, 0}));
  for (PeerHandle peer : {source, other}) {
    const auto haves = driver.heard<wire::Have>(peer);
    ASSERT_EQ(haves.size(), 1u);
    EXPECT_EQ(haves[0].piece, PieceIndex{2});
  }
}

TEST(SwarmDownload, PiecesAreHashedInOrderWhateverTheOrderOfTheirBlocks) {
  Driver driver(large());
  const PeerHandle peer = driver.accept();
  driver.say_pieces(peer, {0});
  driver.say(peer, wire::Unchoke{});
  std::uint32_t hashed = 0;
  while (hashed < 1 * MiB) {
    auto requests = driver.heard<wire::Request>(peer);
    std::reverse(requests.begin(), requests.end());
    for (const wire::Request& request : requests) driver.send_block(peer, request.span);
    const auto asked = driver.take<HashSegment>();
    ASSERT_TRUE(!requests.empty() || !asked.empty()) << "stuck at " << hashed;
    for (const HashSegment& hash : asked) {
      EXPECT_EQ(hash.buffer_offset, hashed);
      EXPECT_EQ(hash.first, hashed == 0);
      hashed += hash.length;
      EXPECT_EQ(hash.last, hashed == 1 * MiB);
      driver.event(SegmentHashed{hash.piece, driver.metainfo.piece_hashes[0]});
    }
  }
  EXPECT_EQ(driver.swarm->stats().verified_pieces, 1u);
}

TEST(SwarmDownload, StepsOfHashingThatDoNotMeetTheSegmentsEndGoOnAllTheSame) {
  DriverOptions options = large();
  options.pieces = 1;
  options.piece_length = options.last_piece_bytes = 2 * MiB;
  Driver driver(options);
  const PeerHandle peer = driver.seed();
  // The first block comes after the 17th: the first step is 17 blocks long, the others 16.
  const auto first = driver.heard<wire::Request>(peer);
  for (std::size_t i = 1; i < first.size(); ++i) driver.send_block(peer, first[i].span);
  const auto then = driver.heard<wire::Request>(peer);
  driver.send_block(peer, then[0].span);
  driver.send_block(peer, first[0].span);
  EXPECT_EQ(driver.take<HashSegment>().at(0).length, 17 * block_bytes);
  driver.event(SegmentHashed{PieceIndex{0}, {}});
  std::vector<wire::Request> next(then.begin() + 1, then.end());
  while (!next.empty()) {
    for (const wire::Request& request : next) {
      driver.send_block(peer, request.span);
      driver.finish_hashing();
    }
    next = driver.heard<wire::Request>(peer);
  }
  EXPECT_EQ(driver.swarm->stats().verified_pieces, 1u);
}

SegmentPool::Key key_of(std::uint32_t piece) {
  return {0, {PieceIndex{piece}, 0}};
}

TEST(SwarmDownload, BuffersOfAVerifiedPieceAreFreeAfterTheWriteWhenEverybodyHasIt) {
  Driver driver;
  const PeerHandle a = driver.accept();
  driver.say_pieces(a, {2});
  const PeerHandle b = driver.accept();
  driver.say_pieces(b, {1, 2});
  driver.say(a, wire::Unchoke{});
  driver.serve_all(a);
  driver.finish_hashing();
  EXPECT_TRUE(driver.pool.is_cached(key_of(2))) << "it is being written";
  driver.finish_writes();
  EXPECT_FALSE(driver.pool.is_cached(key_of(2)));
  EXPECT_EQ(driver.pool.available(), driver.pool.capacity());
}

TEST(SwarmDownload, BuffersOfAVerifiedPieceStayCachedAfterTheWriteWhileSomebodyLacksIt) {
  Driver driver;
  const PeerHandle a = driver.accept();
  driver.say_pieces(a, {2});
  const PeerHandle b = driver.accept();
  driver.say_pieces(b, {1});
  driver.say(a, wire::Unchoke{});
  driver.serve_all(a);
  driver.finish_hashing();
  driver.finish_writes();
  EXPECT_TRUE(driver.pool.is_cached(key_of(2)));
  EXPECT_EQ(driver.pool.available(), driver.pool.capacity()) << "for whoever needs a buffer more";
}

TEST(SwarmDownload, BuffersThatAreBeingSentWhenTheWriteEndsAreFreeAfterwards) {
  Driver driver;
  const PeerHandle source = driver.accept();
  driver.say_pieces(source, {2});
  const PeerHandle other = driver.accept();
  driver.say_pieces(other, {});
  driver.say(other, wire::Interested{});
  driver.say(source, wire::Unchoke{});
  driver.serve_all(source);
  driver.finish_hashing();
  driver.say(other, wire::Request{block(2, 0)});
  ASSERT_EQ(driver.take<SendBlock>().size(), 1u);
  driver.say(other, wire::Have{PieceIndex{2}});
  driver.finish_writes();
  EXPECT_TRUE(driver.pool.is_cached(key_of(2))) << "still being sent";
  EXPECT_EQ(driver.pool.available(), driver.pool.capacity() - 1);
  driver.event(BlockSent{other, block(2, 0)});
  EXPECT_EQ(driver.pool.available(), driver.pool.capacity());
}

}  // namespace
}  // namespace ezio
