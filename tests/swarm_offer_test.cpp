// How our own peers offer each other pieces, take them, decline them and pass them on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "swarm_fixture.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::Optional;
using What = wire::SegmentNotice::What;

DriverOptions room(bool seeding) {
  DriverOptions options;
  options.pieces = 16;
  options.piece_length = options.last_piece_bytes = 1 * MiB;
  options.buffers = 20;
  options.share = 12;
  options.config.seeding = seeding;
  options.config.linger.mode = Linger::Mode::forever;
  return options;
}

std::vector<PieceIndex> told(Driver& driver, PeerHandle peer, What what) {
  std::vector<PieceIndex> pieces;
  for (const SegmentRef& segment : driver.told(peer, what)) pieces.push_back(segment.piece);
  return pieces;
}

std::vector<std::uint32_t> all_pieces() {
  std::vector<std::uint32_t> pieces;
  for (std::uint32_t i = 0; i < 16; ++i) pieces.push_back(i);
  return pieces;
}

void offer(Driver& driver, PeerHandle peer, std::uint32_t piece) {
  driver.say(peer, wire::SegmentNotice{What::offer, {PieceIndex{piece}, 0}});
}

TEST(SwarmOffer, OneOfOurOwnIsOfferedAPieceAndSentItWhenItAsks) {
  Driver driver(room(true));
  const PeerHandle peer = driver.kin({});
  const auto offers = told(driver, peer, What::offer);
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(driver.heard<wire::Unchoke>(peer).size(), 1u);
  driver.say(peer, wire::Request{{offers[0], 0, 64 * KiB}});
  driver.finish_reads();
  EXPECT_EQ(driver.take<SendBlock>().size(), 1u);
}

TEST(SwarmOffer, StrangersAreOfferedNothing) {
  Driver driver(room(true));
  const PeerHandle peer = driver.accept();
  driver.say(peer, wire::HaveNone{});
  driver.say(peer, wire::Interested{});
  driver.pass(1s);
  EXPECT_THAT(driver.heard<wire::SegmentNotice>(peer), IsEmpty());
  EXPECT_THAT(driver.heard<wire::SuggestPiece>(peer), IsEmpty());
}

TEST(SwarmOffer, ASeederOffersNothingTwiceWhileSomethingIsUnsent) {
  Driver driver(room(true));
  std::vector<PeerHandle> peers;
  for (int i = 0; i < 4; ++i) peers.push_back(driver.kin({}));
  std::set<PieceIndex> sent;
  for (int i = 0; i < 400 && sent.size() < 16; ++i) {
    for (PeerHandle peer : peers) {
      for (const PieceIndex piece : told(driver, peer, What::offer)) {
        const bool fresh = sent.insert(piece).second;
        // The last offers may be in the others' ears already.
        EXPECT_TRUE(fresh || sent.size() + peers.size() >= 16) << "piece " << piece.value() << " again";
        driver.say(peer, wire::SegmentNotice{What::fetching, {piece, 0}});
        driver.say(peer, wire::Request{{piece, 0, 1 * MiB}});
        driver.finish_reads();
        for (const SendBlock& block : driver.take<SendBlock>())
          driver.event(BlockSent{block.peer, block.span});
        driver.say(peer, wire::Have{piece});
      }
    }
    driver.pass(100ms);
  }
  EXPECT_EQ(sent.size(), 16u);
}

TEST(SwarmOffer, WhatAPeerIsBeingSentIsNotOfferedToIt) {
  Driver driver(room(true));
  const PeerHandle peer = driver.accept();
  driver.say_pieces(peer, {});
  wire::ExtensionHandshake hello;
  hello.notice_id = wire::our_notice_id;
  std::vector<std::uint32_t> but_one = all_pieces();
  but_one.pop_back();
  for (const std::uint32_t piece : but_one) driver.say(peer, wire::Have{PieceIndex{piece}});
  driver.say(peer, hello);
  EXPECT_EQ(told(driver, peer, What::offer), std::vector{PieceIndex{15}});
  driver.say(peer, wire::SegmentNotice{What::decline, {PieceIndex{15}, 0}});
  driver.say(peer, wire::SegmentNotice{What::fetching, {PieceIndex{15}, 0}});
  driver.pass(10s);
  EXPECT_THAT(told(driver, peer, What::offer), IsEmpty());
  driver.say(peer, wire::SegmentNotice{What::dropped, {PieceIndex{15}, 0}});
  driver.pass(1s);
  EXPECT_EQ(told(driver, peer, What::offer).size(), 1u);
}

TEST(SwarmOffer, AnOfferThatNobodyAnswersIsForgotten) {
  Driver driver(room(true));
  const PeerHandle silent = driver.kin({});
  EXPECT_EQ(told(driver, silent, What::offer).size(), 1u);
  driver.pass(2900ms);
  EXPECT_THAT(told(driver, silent, What::offer), IsEmpty()) << "one at a time";
  driver.pass(2s);
  EXPECT_EQ(told(driver, silent, What::offer).size(), 1u);
}

// Takes all that is offered to `peer`, and has it at once; how much that was.
std::size_t take_offers(Driver& driver, PeerHandle peer) {
  std::size_t taken = 0;
  for (const PieceIndex piece : told(driver, peer, What::offer)) {
    driver.say(peer, wire::Request{{piece, 0, 1 * MiB}});
    driver.finish_reads();
    for (const SendBlock& block : driver.take<SendBlock>()) driver.event(BlockSent{block.peer, block.span});
    driver.say(peer, wire::Have{piece});
    ++taken;
  }
  return taken;
}

TEST(SwarmOffer, FirstCopiesAreSpreadEvenlyHoweverFastOneTakesThem) {
  Driver driver(room(true));
  const PeerHandle fast = driver.kin({});
  std::vector<PeerHandle> others;
  for (int i = 0; i < 3; ++i) others.push_back(driver.kin({}));
  std::size_t taken = 0;
  for (int i = 0; i < 4; ++i) {
    taken += take_offers(driver, fast);
    driver.pass(100ms);
  }
  EXPECT_LE(taken, 3u) << "one ahead, and the first, when it was alone";
  for (PeerHandle other : others) EXPECT_EQ(take_offers(driver, other), 1u);
  driver.pass(100ms);
  EXPECT_EQ(take_offers(driver, fast), 1u);
  driver.pass(5s);
  EXPECT_GE(take_offers(driver, fast), 1u) << "the others leave the uplink idle";
}

TEST(SwarmOffer, WhereThereAreManyThoseAreServedWhoAreSentLeast) {
  DriverOptions options = room(true);
  options.pieces = 64;
  Driver driver(options);
  std::vector<PeerHandle> peers;
  std::size_t offers = 0;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(driver.kin({}));
    offers += told(driver, peers.back(), What::offer).size();
  }
  EXPECT_EQ(offers, 16u);
  driver.say(peers[18], wire::SegmentNotice{What::fetching, {PieceIndex{1}, 0}});
  driver.say(peers[17], wire::SegmentNotice{What::fetching, {PieceIndex{1}, 0}});
  driver.say(peers[16], wire::SegmentNotice{What::fetching, {PieceIndex{1}, 0}});
  driver.event(PeerDisconnected{peers[0], "went away"});
  driver.pass(100ms);
  EXPECT_EQ(told(driver, peers[19], What::offer).size(), 1u) << "the others are being sent something";
  for (int i : {16, 17, 18}) EXPECT_THAT(told(driver, peers[i], What::offer), IsEmpty());
}

TEST(SwarmOffer, WhoIsServedAheadOfTimeDoesNotExceedTheBoundEither) {
  DriverOptions options = room(true);
  options.pieces = 64;
  Driver driver(options);
  std::vector<std::uint32_t> all_but_one;
  for (std::uint32_t i = 0; i < 63; ++i) all_but_one.push_back(i);
  const PeerHandle fast = driver.kin({});
  for (int i = 0; i < 15; ++i) driver.kin(all_but_one);  // they do not answer what they are offered
  std::size_t served = 0;
  for (int i = 0; i < 60; ++i) {
    if (i % 3 == 0) driver.pass(100ms);
    // With fifteen offers open there is place for one more, however soon it will have been sent.
    const auto offers = told(driver, fast, What::offer);
    EXPECT_LE(offers.size(), 1u);
    served += offers.size();
    for (const PieceIndex piece : offers) {
      driver.say(fast, wire::Request{{piece, 0, 1 * MiB}});
      driver.finish_reads();
      const auto blocks = driver.take<SendBlock>();
      driver.say(fast, wire::Have{piece});  // before our socket has said that it is sent
      for (const SendBlock& block : blocks) driver.event(BlockSent{block.peer, block.span});
    }
  }
  EXPECT_GT(served, 40u) << "fast enough to be offered the next one early";
}

TEST(SwarmOffer, OneThatTakesNothingDoesNotHoldUpTheOthers) {
  Driver driver(room(true));
  driver.kin({});
  std::vector<PeerHandle> others;
  for (int i = 0; i < 3; ++i) others.push_back(driver.kin({}));
  std::size_t taken = 0;
  for (int i = 0; i < 20; ++i) {
    for (PeerHandle other : others) taken += take_offers(driver, other);
    driver.pass(100ms);
  }
  EXPECT_GE(taken, 15u) << "of 16 pieces, one of which the first was offered";
}

TEST(SwarmOffer, WhoIsOfferedAPieceAsksForItAndTellsTheOthers) {
  Driver driver(room(false));
  const PeerHandle sender = driver.kin(all_pieces());
  const PeerHandle third = driver.kin({});
  driver.pass(900ms);
  EXPECT_THAT(driver.heard<wire::Request>(sender), IsEmpty()) << "our own offer, we do not ask";
  offer(driver, sender, 7);
  const auto requests = driver.heard<wire::Request>(sender);
  ASSERT_FALSE(requests.empty());
  for (const wire::Request& request : requests) EXPECT_EQ(request.span.piece, PieceIndex{7});
  EXPECT_EQ(told(driver, third, What::fetching), std::vector{PieceIndex{7}});
}

TEST(SwarmOffer, WhatWeHaveOrAreBeingSentIsDeclined) {
  Driver driver(room(false));
  const PeerHandle sender = driver.kin(all_pieces());
  const PeerHandle other = driver.kin(all_pieces());
  offer(driver, sender, 3);
  offer(driver, other, 3);
  EXPECT_EQ(told(driver, other, What::decline), std::vector{PieceIndex{3}});
  EXPECT_THAT(driver.heard<wire::Request>(other), IsEmpty());
}

TEST(SwarmOffer, NoMoreIsTakenThanBuffersHold) {
  Driver driver(room(false));
  std::size_t declined = 0;
  for (std::uint32_t i = 0; i < 16; ++i) {
    const PeerHandle sender = driver.kin(all_pieces());
    offer(driver, sender, i);
    declined += told(driver, sender, What::decline).size();
  }
  EXPECT_EQ(declined, 4u) << "twelve pieces have room";
}

TEST(SwarmOffer, WithoutOffersWeAskAfterAWhile) {
  Driver driver(room(false));
  const PeerHandle peer = driver.kin(all_pieces());
  driver.pass(900ms);
  EXPECT_THAT(driver.heard<wire::Request>(peer), IsEmpty());
  driver.pass(500ms);
  EXPECT_FALSE(driver.heard<wire::Request>(peer).empty());
}

TEST(SwarmOffer, WhatComesInIsPassedOnToAllWhoLackItBeforeItIsVerified) {
  Driver driver(room(false));
  const PeerHandle sender = driver.kin(all_pieces());
  const PeerHandle next = driver.kin({});
  const PeerHandle other = driver.kin({});
  const PeerHandle third = driver.accept();  // not one of our own
  driver.say(third, wire::HaveNone{});
  driver.say(third, wire::Interested{});
  driver.pass(1s);
  offer(driver, sender, 5);
  EXPECT_THAT(told(driver, next, What::offer), testing::ElementsAre(PieceIndex{5}));
  EXPECT_THAT(told(driver, other, What::offer), testing::ElementsAre(PieceIndex{5}));
  for (PeerHandle receiver : {next, other}) driver.say(receiver, wire::Request{{PieceIndex{5}, 0, 64 * KiB}});
  EXPECT_THAT(driver.take<SendBlock>(), IsEmpty()) << "nothing is there yet";
  const auto requests = driver.heard<wire::Request>(sender);
  driver.send_block(sender, requests.at(0).span);
  EXPECT_EQ(driver.take<SendBlock>().size(), 2u);
  driver.say(third, wire::Request{{PieceIndex{5}, 0, 16 * KiB}});
  EXPECT_EQ(driver.heard<wire::Reject>(third).size(), 1u) << "it was not offered to this one";
}

TEST(SwarmOffer, WhoWaitsForAPieceThatFailsIsRejectedAndTold) {
  Driver driver(room(false));
  const PeerHandle sender = driver.kin(all_pieces());
  const PeerHandle next = driver.kin({});
  driver.kin({5});
  offer(driver, sender, 5);
  ASSERT_EQ(told(driver, next, What::offer).size(), 1u);
  driver.serve_all(sender);
  driver.say(next, wire::Request{{PieceIndex{5}, 0, 64 * KiB}});
  EXPECT_EQ(driver.take<SendBlock>().size(), 1u);
  driver.finish_hashing(false);
  EXPECT_EQ(told(driver, next, What::dropped), std::vector{PieceIndex{5}});
  EXPECT_TRUE(driver.closed(sender)) << "it vouched for all of it";
  EXPECT_FALSE(driver.closed(next));
}

TEST(SwarmOffer, ABufferIsNotUsedAgainWhileItsBytesAreBeingPassedOn) {
  Driver driver(room(false));
  const PeerHandle sender = driver.kin(all_pieces());
  const PeerHandle next = driver.kin({});
  offer(driver, sender, 5);
  driver.serve_all(sender);
  driver.say(next, wire::Request{{PieceIndex{5}, 0, 64 * KiB}});
  ASSERT_EQ(driver.take<SendBlock>().size(), 1u);
  const std::uint32_t before = driver.pool.available();
  driver.finish_hashing(false);
  EXPECT_EQ(driver.pool.available(), before);
  driver.event(BlockSent{next, {PieceIndex{5}, 0, 64 * KiB}});
  EXPECT_EQ(driver.pool.available(), before + 1);
}

TEST(SwarmOffer, NoticesOfOneWhoDidNotAskForThemAreAViolation) {
  Driver driver(room(false));
  const PeerHandle peer = driver.accept();
  offer(driver, peer, 1);
  EXPECT_TRUE(driver.closed(peer));
}

TEST(SwarmOffer, AClaimToBeSentMoreThanAnybodyCanIsAViolation) {
  DriverOptions options;
  options.pieces = 1000;
  options.config.seeding = true;
  Driver driver(options);
  const PeerHandle peer = driver.accept();
  driver.say(peer, wire::HaveNone{});
  wire::ExtensionHandshake hello;
  hello.notice_id = wire::our_notice_id;
  driver.say(peer, hello);
  std::uint32_t claims = 0;
  while (!driver.closed(peer) && claims < 999) {
    driver.say(peer, wire::SegmentNotice{What::fetching, {PieceIndex{claims++}, 0}});
  }
  EXPECT_TRUE(driver.closed(peer));
  EXPECT_GE(claims, Census::max_parts);
}

TEST(SwarmOffer, ForeignersGetNoMoreThanAShareWhileOurOwnLackSomething) {
  Driver driver(room(true));
  const PeerHandle foreign = driver.accept();
  driver.say(foreign, wire::HaveNone{});
  driver.say(foreign, wire::Interested{});
  driver.kin({});
  driver.pass(1s);
  for (std::uint32_t i = 0; i < 600; ++i) driver.say(foreign, wire::Request{block(i / 64, i % 64)});
  std::size_t sent = 0;
  for (int i = 0; i < 50; ++i) {
    driver.finish_reads();
    const auto blocks = driver.take<SendBlock>();
    sent += blocks.size();
    for (const SendBlock& one : blocks) driver.event(BlockSent{one.peer, one.span});
  }
  EXPECT_GT(sent, 0u);
  EXPECT_LT(sent, 200u) << "of 600";
}

}  // namespace
}  // namespace ezio
