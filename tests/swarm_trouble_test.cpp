// How a swarm fetches from peers that refuse, are slow or fall silent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

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

TEST(SwarmTrouble, ARejectedBlockIsAskedOfAnother) {
  Driver driver(large());
  const PeerHandle a = driver.seed();
  const auto asked = driver.heard<wire::Request>(a);
  driver.say(a, wire::Reject{asked[0].span});
  EXPECT_FALSE(driver.closed(a));
  const PeerHandle b = driver.seed();
  const auto others = driver.heard<wire::Request>(b);
  EXPECT_EQ(others[0].span, asked[0].span);
}

TEST(SwarmTrouble, WhoRejectsEverythingIsAskedOnceATick) {
  Driver driver(large());
  const PeerHandle peer = driver.seed();
  std::size_t rejected = 0;
  for (int i = 0; i < 50; ++i) {
    for (const wire::Request& request : driver.heard<wire::Request>(peer)) {
      driver.say(peer, wire::Reject{request.span});
      ++rejected;
    }
    driver.pass(100ms);
  }
  EXPECT_LT(rejected, 16u + 16u + 50u);
}

TEST(SwarmTrouble, AChokeTakesRequestsBackOnlyWithoutTheFastExtension) {
  for (const bool fast : {false, true}) {
    Driver driver(large());
    const PeerHandle a = driver.seed({.fast = fast});
    const auto asked = driver.heard<wire::Request>(a);
    driver.say(a, wire::Choke{});
    const PeerHandle b = driver.seed();
    EXPECT_EQ(driver.heard<wire::Request>(b)[0].span == asked[0].span, !fast);
  }
}

TEST(SwarmTrouble, ManyChokesThatLoseRequestsDoNotUseUpThePeersQueue) {
  Driver driver(large());
  const PeerHandle peer = driver.seed({.fast = false, .extensions = false});
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(driver.heard<wire::Request>(peer).size(), 16u) << "after " << i << " chokes";
    driver.say(peer, wire::Choke{});
    driver.say(peer, wire::Unchoke{});
  }
}

TEST(SwarmTrouble, AnAnswerThatComesLateIsTakenWhileItIsWanted) {
  Driver driver(large());
  const PeerHandle peer = driver.seed({.fast = false});
  const auto asked = driver.heard<wire::Request>(peer);
  driver.say(peer, wire::Choke{});
  EXPECT_TRUE(driver.send_block(peer, asked[0].span).buffer.has_value());
  const PeerHandle other = driver.seed();
  const auto others = driver.heard<wire::Request>(other);
  EXPECT_EQ(others[0].span, asked[1].span);
  driver.send_block(other, others[0].span);
  EXPECT_FALSE(driver.send_block(peer, asked[1].span).buffer.has_value()) << "somebody else sent it";
  EXPECT_EQ(driver.swarm->stats().wasted, block_bytes);
}

// A torrent of one piece with two seeds: the first is asked for all of it, and is slow.
struct Endgame : testing::Test {
  Endgame() : driver(options()) {
    slow = driver.seed();
    asked = driver.heard<wire::Request>(slow);
    quick = driver.seed();
    doubled = driver.heard<wire::Request>(quick);
  }
  static DriverOptions options() {
    DriverOptions options;
    options.pieces = 1;
    options.piece_length = options.last_piece_bytes = 256 * KiB;
    return options;
  }
  Driver driver;
  PeerHandle slow, quick;
  std::vector<wire::Request> asked, doubled;
};

TEST_F(Endgame, BlocksOfALongQueueAreAskedOfASecondPeer) {
  ASSERT_EQ(asked.size(), 16u);
  ASSERT_FALSE(doubled.empty());
  EXPECT_EQ(doubled[0].span, asked[15].span) << "from the end of the queue";
}

TEST_F(Endgame, WhatArrivesFirstCancelsTheOther) {
  driver.send_block(quick, doubled[0].span);
  const auto cancels = driver.heard<wire::Cancel>(slow);
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].span, doubled[0].span);
}

TEST_F(Endgame, ACancelThatIsAnsweredByARejectCostsThePeerNothing) {
  driver.send_block(quick, doubled[0].span);
  const std::uint32_t queue = driver.swarm->peers().at(slow).request_queue;
  driver.say(slow, wire::Reject{doubled[0].span});
  EXPECT_EQ(driver.swarm->peers().at(slow).request_queue, queue);
  EXPECT_FALSE(driver.closed(slow));
}

TEST_F(Endgame, ACancelThatComesTooLateIsNoOffence) {
  driver.send_block(quick, doubled[0].span);
  EXPECT_FALSE(driver.send_block(slow, doubled[0].span).buffer.has_value());
  EXPECT_FALSE(driver.closed(slow));
}

TEST(SwarmTrouble, WhoFallsSilentLosesItsRequestsAfter20SecondsAndTheConnectionAfter60) {
  Driver driver(large());
  const PeerHandle silent = driver.seed();
  const auto asked = driver.heard<wire::Request>(silent);
  for (int i = 0; i < 21; ++i) {
    driver.pass(1s);
    driver.say(silent, wire::KeepAlive{});
  }
  EXPECT_LE(driver.heard<wire::Request>(silent).size(), 1u);
  const PeerHandle other = driver.seed();
  EXPECT_EQ(driver.heard<wire::Request>(other)[0].span, asked[0].span);
  for (int i = 0; i < 38; ++i) {
    driver.pass(1s);
    driver.say(silent, wire::KeepAlive{});
  }
  EXPECT_FALSE(driver.closed(silent));
  driver.pass(2s);
  EXPECT_THAT(driver.closed(silent), Optional(HasSubstr("silent")));
}

TEST(SwarmTrouble, WhoWakesUpIsAskedAgain) {
  Driver driver(large());
  const PeerHandle sleeper = driver.seed();
  const auto asked = driver.heard<wire::Request>(sleeper);
  driver.pass(30s);
  driver.heard<wire::Request>(sleeper);
  driver.send_block(sleeper, asked[0].span);
  EXPECT_GT(driver.heard<wire::Request>(sleeper).size(), 10u);
}

TEST(SwarmTrouble, WhoLostOurRequestsIsAskedForOneBlockMoreToFindOut) {
  Driver driver(large());
  const PeerHandle forgetful = driver.seed();
  driver.heard<wire::Request>(forgetful);
  driver.pass(21s);
  const auto probe = driver.heard<wire::Request>(forgetful);
  ASSERT_EQ(probe.size(), 1u);
  EXPECT_TRUE(driver.send_block(forgetful, probe[0].span).buffer.has_value());
  EXPECT_GT(driver.heard<wire::Request>(forgetful).size(), 10u);
}

TEST(SwarmTrouble, WhoFallsSilentWithinABlockIsClosedAfter20Seconds) {
  Driver driver(large());
  const PeerHandle silent = driver.seed();
  const auto asked = driver.heard<wire::Request>(silent);
  driver.event(BlockHeaderReceived{silent, asked[0].span});
  driver.pass(19s);
  EXPECT_FALSE(driver.closed(silent));
  driver.pass(2s);
  EXPECT_TRUE(driver.closed(silent));
  const PeerHandle other = driver.seed();
  EXPECT_EQ(driver.heard<wire::Request>(other)[0].span, asked[0].span);
}

TEST(SwarmTrouble, ABlockThatBreaksOffAtTheEndIsNotWaitedForWhereAnotherHasIt) {
  for (const bool another : {true, false}) {
    Driver driver;
    const PeerHandle silent = driver.seed();
    const auto asked = driver.heard<wire::Request>(silent);
    driver.event(BlockHeaderReceived{silent, asked[0].span});
    const PeerHandle other = another ? driver.seed() : driver.accept();
    if (another) driver.serve_all(other);
    driver.pass(19s);
    EXPECT_EQ(driver.closed(silent).has_value(), another);
    if (!another) continue;
    driver.serve_all(other);
    EXPECT_EQ(driver.swarm->stats().downloaded, driver.metainfo.total_length);
  }
}

TEST(SwarmTrouble, WhileThereIsSomethingElseToFetchABlockThatBreaksOffIsWaitedForLonger) {
  Driver driver(large());
  const PeerHandle silent = driver.seed();
  const auto asked = driver.heard<wire::Request>(silent);
  driver.event(BlockHeaderReceived{silent, asked[0].span});
  driver.seed();  // answers nothing
  driver.pass(19s);
  EXPECT_FALSE(driver.closed(silent));
}

TEST(SwarmTrouble, AByteNowAndThenDoesNotHoldABlock) {
  Driver driver(large());
  const PeerHandle drip = driver.seed();
  const auto asked = driver.heard<wire::Request>(drip);
  driver.event(BlockHeaderReceived{drip, asked[0].span});
  for (int i = 0; i < 3 && !driver.closed(drip); ++i) {
    driver.pass(12s);
    if (!driver.closed(drip)) driver.event(BlockProgress{drip, 1});
  }
  EXPECT_THAT(driver.closed(drip), testing::Optional(testing::HasSubstr("far too slowly")));
}

TEST(SwarmTrouble, WhoIsSlowWithinABlockIsNotSilent) {
  Driver driver(large());
  const PeerHandle slow = driver.seed();
  const auto asked = driver.heard<wire::Request>(slow);
  driver.event(BlockHeaderReceived{slow, asked[0].span});
  for (int i = 0; i < 10; ++i) {
    driver.pass(3s);
    driver.event(BlockProgress{slow, 1000});
    EXPECT_EQ(driver.swarm->stats().downloaded, 1000u * (i + 1));
  }
  driver.event(BlockReceived{slow, asked[0].span});
  EXPECT_FALSE(driver.closed(slow));
  EXPECT_EQ(driver.swarm->stats().downloaded, block_bytes);
}

TEST(SwarmTrouble, ASlowPeerIsAskedForLittle) {
  Driver driver(large());
  const PeerHandle peer = driver.accept();
  wire::ExtensionHandshake hello;
  hello.largest_request = 1 * MiB;
  driver.say(peer, hello);
  driver.say(peer, wire::HaveAll{});
  driver.say(peer, wire::Unchoke{});
  std::deque<wire::Request> asked;
  const auto hear = [&] {
    for (const wire::Request& request : driver.heard<wire::Request>(peer)) asked.push_back(request);
  };
  const auto serve = [&](Duration time) {
    hear();
    const BlockSpan span = asked.front().span;
    asked.pop_front();
    driver.event(BlockHeaderReceived{peer, span});
    for (int i = 0; i < 7; ++i) {
      driver.pass(time / 7);
      driver.event(BlockProgress{peer, span.length / 8});
    }
    driver.event(BlockReceived{peer, span});
    hear();
  };
  for (int i = 0; i < 12; ++i) serve(20s);
  EXPECT_EQ(asked.back().span.length, block_bytes);
  EXPECT_GT(driver.swarm->peers().at(peer).requests.bytes, 0u);
  EXPECT_LE(driver.swarm->peers().at(peer).requests.bytes, 256 * KiB);
  serve(0s);  // it is slow no longer
  EXPECT_GT(asked.back().span.length, block_bytes);
}

TEST(SwarmTrouble, WhatCameOfABlockThatBrokeOffIsWasted) {
  Driver driver(large());
  const PeerHandle peer = driver.seed();
  const auto asked = driver.heard<wire::Request>(peer);
  driver.event(BlockHeaderReceived{peer, asked[0].span});
  driver.event(BlockProgress{peer, 1234});
  driver.event(PeerDisconnected{peer, "reset"});
  EXPECT_EQ(driver.swarm->stats().wasted, 1234u);
}

TEST(SwarmTrouble, WhatBreaksOffWithinABlockIsAskedOfAnother) {
  Driver driver(large());
  const PeerHandle broken = driver.seed();
  const auto asked = driver.heard<wire::Request>(broken);
  driver.event(BlockHeaderReceived{broken, asked[0].span});
  driver.event(PeerDisconnected{broken, "reset"});
  const PeerHandle other = driver.seed();
  EXPECT_EQ(driver.heard<wire::Request>(other)[0].span, asked[0].span);
}

TEST(SwarmTrouble, APieceThatNobodyCanFinishMakesRoomForOneThatSomebodyHas) {
  DriverOptions options = large();
  options.share = 1;
  Driver driver(options);
  const PeerHandle gone = driver.accept();
  driver.say_pieces(gone, {0});
  driver.say(gone, wire::Unchoke{});
  driver.send_block(gone, driver.heard<wire::Request>(gone)[0].span);
  driver.event(PeerDisconnected{gone, "reset"});
  const PeerHandle other = driver.accept();
  driver.say_pieces(other, {5});
  driver.say(other, wire::Unchoke{});
  const auto asked = driver.heard<wire::Request>(other);
  ASSERT_FALSE(asked.empty());
  EXPECT_EQ(asked[0].span.piece, PieceIndex{5});
}

}  // namespace
}  // namespace ezio
