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

TEST(SwarmDownload, WhoSentAWholePieceThatIsWrongIsBannedForGood) {
  Driver driver;
  const Guest guest{.id = 0x99};
  const PeerHandle peer = driver.swarm->new_handle();
  driver.event(PeerAccepted{peer, *parse_address("10.0.0.66", 1), driver.handshake(guest)});
  driver.say_pieces(peer, {2});
  driver.say(peer, wire::Unchoke{});
  driver.serve_all(peer);
  driver.finish_hashing(false);
  EXPECT_THAT(driver.closed(peer), Optional(HasSubstr("wrong hash")));
  const auto notes = driver.take<Note>();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0].text, HasSubstr("banned peer 10.0.0.66:1"));
  const PeerHandle again = driver.swarm->new_handle();
  driver.event(PeerAccepted{again, *parse_address("10.0.0.66", 2), driver.handshake(guest)});
  EXPECT_THAT(driver.closed(again), Optional(HasSubstr("banned")));
  EXPECT_EQ(driver.swarm->stats().verified_pieces, 0u);
  EXPECT_TRUE(driver.take<WriteSegment>().empty());
}

// Two peers have each sent a part of piece 0, and its hash was wrong.
struct Suspects : testing::Test {
  Suspects() : driver(options()) {
    a = driver.accept();
    driver.say_pieces(a, {0});
    b = driver.accept();
    driver.say_pieces(b, {0});
    driver.say(a, wire::Unchoke{});
    const auto asked = driver.heard<wire::Request>(a);
    driver.send_block(a, asked[0].span);
    driver.say(a, wire::Choke{});
    for (std::size_t i = 1; i < asked.size(); ++i) driver.say(a, wire::Reject{asked[i].span});
    driver.say(b, wire::Unchoke{});
    driver.serve_all(b);
    driver.finish_hashing(false);
    driver.say(a, wire::Unchoke{});
    driver.pass(200ms);
  }
  static DriverOptions options() {
    DriverOptions options;
    options.pieces = 1;
    options.last_piece_bytes = options.piece_length;
    return options;
  }
  // The one that is asked for the piece now, alone.
  PeerHandle asked() {
    const bool a_is_asked = !driver.heard_of<wire::Request>(a).empty();
    EXPECT_NE(a_is_asked, !driver.heard_of<wire::Request>(b).empty());
    return a_is_asked ? a : b;
  }
  struct SuspectDriver : Driver {
    using Driver::Driver;
    template <class Message>
    std::vector<Message> heard_of(PeerHandle peer) {
      std::vector<Message> found;
      for (const wire::Message& message : all_heard(peer)) {
        if (const auto* wanted = std::get_if<Message>(&message)) found.push_back(*wanted);
      }
      return found;
    }
  } driver;
  PeerHandle a, b;
};

TEST_F(Suspects, AreNotBannedTogetherButTriedAlone) {
  EXPECT_FALSE(driver.closed(a) || driver.closed(b));
  const PeerHandle liar = asked();
  driver.serve_all(liar);
  driver.finish_hashing(false);
  EXPECT_THAT(driver.closed(liar), Optional(HasSubstr("wrong hash")));
  const PeerHandle honest = liar == a ? b : a;
  driver.pass(200ms);
  driver.serve_all(honest);
  driver.finish_hashing();
  EXPECT_EQ(driver.swarm->stats().verified_pieces, 1u);
}

TEST_F(Suspects, WhoGoesInTheMiddleOfATrialLeavesThePieceToTheOther) {
  const PeerHandle first = asked();
  const auto requests = driver.heard<wire::Request>(first);
  driver.send_block(first, requests[0].span);
  driver.event(PeerDisconnected{first, "flees"});
  driver.pass(200ms);
  const PeerHandle second = first == a ? b : a;
  driver.serve_all(second);
  driver.finish_hashing();
  EXPECT_EQ(driver.swarm->stats().verified_pieces, 1u);
}

TEST_F(Suspects, WhoChokesInTheMiddleOfATrialLeavesThePieceToTheOther) {
  const PeerHandle first = asked();
  const auto requests = driver.heard<wire::Request>(first);
  driver.send_block(first, requests[0].span);
  driver.say(first, wire::Choke{});
  for (std::size_t i = 1; i < requests.size(); ++i) driver.say(first, wire::Reject{requests[i].span});
  driver.pass(200ms);
  const PeerHandle second = first == a ? b : a;
  driver.serve_all(second);
  driver.finish_hashing();
  EXPECT_EQ(driver.swarm->stats().verified_pieces, 1u);
}

}  // namespace
}  // namespace ezio
