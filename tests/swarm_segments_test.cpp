// Pieces of several segments: how our own peers offer, take and pass on their parts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "swarm_fixture.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using What = wire::SegmentNotice::What;

constexpr std::uint32_t pieces = 8;
constexpr std::uint32_t segments = 4;  // of each piece

DriverOptions room(bool seeding) {
  DriverOptions options;
  options.pieces = pieces;
  options.piece_length = options.last_piece_bytes = segments * MiB;
  options.buffers = 16;
  options.share = 8;  // two pieces
  options.config.seeding = seeding;
  options.config.linger.mode = Linger::Mode::forever;
  return options;
}

std::vector<std::uint32_t> all_pieces() {
  return {0, 1, 2, 3, 4, 5, 6, 7};
}

SegmentRef at(std::uint32_t piece, std::uint32_t segment) {
  return {PieceIndex{piece}, segment};
}

void offer(Driver& driver, PeerHandle peer, SegmentRef segment) {
  driver.say(peer, wire::SegmentNotice{What::offer, segment});
}

std::set<SegmentRef> requested(Driver& driver, PeerHandle peer) {
  std::set<SegmentRef> found;
  for (const wire::Request& request : driver.heard<wire::Request>(peer)) {
    found.insert(driver.metainfo.geometry().segment_of(request.span));
  }
  return found;
}

// Takes what is offered to `peer`, and has that segment at once.
std::vector<SegmentRef> take_offers(Driver& driver, PeerHandle peer) {
  const std::vector<SegmentRef> offers = driver.told(peer, What::offer);
  for (const SegmentRef& segment : offers) {
    driver.say(peer, wire::SegmentNotice{What::fetching, segment});
    driver.say(peer, wire::Request{{segment.piece, segment.segment * 1 * MiB, 1 * MiB}});
    driver.finish_reads();
    for (const SendBlock& block : driver.take<SendBlock>()) driver.event(BlockSent{block.peer, block.span});
    driver.say(peer, wire::SegmentNotice{What::received, segment});
  }
  return offers;
}

TEST(SwarmSegments, AReceiverIsOfferedTheRestOfAPieceBeforeAnotherOne) {
  Driver driver(room(true));
  const PeerHandle peer = driver.kin({});
  std::vector<SegmentRef> offers;
  for (int i = 0; i < 60 && offers.size() < pieces * segments; ++i) {
    for (const SegmentRef& segment : take_offers(driver, peer)) {
      offers.push_back(segment);
      if (offers.size() % segments == 0) driver.say(peer, wire::Have{segment.piece});
    }
    driver.pass(100ms);
  }
  ASSERT_EQ(offers.size(), pieces * segments);
  for (std::size_t i = 0; i < offers.size(); ++i) {
    EXPECT_EQ(offers[i].piece, offers[i / segments * segments].piece) << i;
  }
}

TEST(SwarmSegments, TheSegmentsOfOnePieceGoToSeveralReceivers) {
  Driver driver(room(true));
  std::vector<SegmentRef> first;
  for (int i = 0; i < 4; ++i) {
    const auto offers = driver.told(driver.kin({}), What::offer);
    ASSERT_EQ(offers.size(), 1u);
    first.push_back(offers[0]);
  }
  EXPECT_EQ(std::set<SegmentRef>(first.begin(), first.end()).size(), 4u);
  for (const SegmentRef& segment : first) EXPECT_EQ(segment.piece, first[0].piece) << "sooner complete";
}

TEST(SwarmSegments, SegmentsOfAPieceAreTakenFromSeveralAtOnce) {
  Driver driver(room(false));
  const PeerHandle one = driver.kin(all_pieces());
  const PeerHandle two = driver.kin({});  // is receiving it itself
  const PeerHandle third = driver.kin({});
  offer(driver, one, at(3, 0));
  offer(driver, two, at(3, 2));
  EXPECT_THAT(requested(driver, one), ElementsAre(at(3, 0)));
  EXPECT_THAT(requested(driver, two), ElementsAre(at(3, 2)));
  EXPECT_THAT(driver.told(third, What::fetching), ElementsAre(at(3, 0), at(3, 2)));
}

TEST(SwarmSegments, ASegmentIsTakenOnce) {
  Driver driver(room(false));
  const PeerHandle one = driver.kin(all_pieces());
  const PeerHandle two = driver.kin(all_pieces());
  offer(driver, one, at(3, 1));
  offer(driver, two, at(3, 1));
  EXPECT_THAT(driver.told(two, What::decline), ElementsAre(at(3, 1)));
  EXPECT_THAT(requested(driver, two), IsEmpty());
}

TEST(SwarmSegments, WhoeverHasNoBuffersForAnotherPieceStillTakesTheRestOfItsOwn) {
  Driver driver(room(false));
  const PeerHandle sender = driver.kin(all_pieces());
  const PeerHandle other = driver.kin(all_pieces());
  offer(driver, sender, at(0, 0));
  offer(driver, sender, at(1, 0));
  offer(driver, other, at(2, 0));
  EXPECT_THAT(driver.told(other, What::decline), ElementsAre(at(2, 0)));
  offer(driver, other, at(1, 3));
  EXPECT_THAT(driver.told(other, What::decline), IsEmpty());
  EXPECT_THAT(requested(driver, other), ElementsAre(at(1, 3)));
}

TEST(SwarmSegments, WhoeverHasNoBuffersIsOfferedTheRestOfItsPiecesForAWhile) {
  Driver driver(room(true));
  for (int i = 0; i < 3; ++i) driver.kin({3});  // the most common of all
  const PeerHandle peer = driver.kin({});
  driver.say(peer, wire::SegmentNotice{What::fetching, at(3, 0)});
  driver.say(peer, wire::SegmentNotice{What::received, at(3, 0)});
  const auto next_offer = [&] {
    driver.pass(100ms);
    const auto offers = driver.told(peer, What::offer);
    EXPECT_EQ(offers.size(), 1u);
    return offers.empty() ? SegmentRef{} : offers[0];
  };
  const SegmentRef rarest = next_offer();
  EXPECT_NE(rarest.piece, PieceIndex{3});
  driver.say(peer, wire::SegmentNotice{What::decline, rarest});
  EXPECT_EQ(next_offer().piece, PieceIndex{3}) << "that one needs no buffers";
  driver.say(peer, wire::Have{PieceIndex{3}});
  EXPECT_NE(next_offer().piece, PieceIndex{3}) << "there are buffers again";
}

TEST(SwarmSegments, ASegmentThatIsHereIsPassedOnBeforeItsPieceIsVerified) {
  Driver driver(room(false));
  const PeerHandle sender = driver.kin(all_pieces());
  const PeerHandle next = driver.kin({});
  offer(driver, sender, at(5, 2));
  driver.serve_all(sender);
  EXPECT_THAT(driver.told(next, What::received), ElementsAre(at(5, 2)));
  EXPECT_THAT(driver.told(next, What::offer), ElementsAre(at(5, 2)));
  driver.say(next, wire::Request{{PieceIndex{5}, 2 * MiB, 64 * KiB}});
  EXPECT_EQ(driver.take<SendBlock>().size(), 1u);
}

TEST(SwarmSegments, ASegmentThatLostItsSourceIsTakenFromWhoHasAllOfIt) {
  Driver driver(room(false));
  const PeerHandle sender = driver.kin(all_pieces());
  const PeerHandle part = driver.kin({});
  offer(driver, sender, at(5, 2));
  driver.event(PeerDisconnected{sender, "went away"});
  offer(driver, part, at(5, 2));
  EXPECT_THAT(driver.told(part, What::decline), ElementsAre(at(5, 2))) << "it may wait for us";
  driver.say(part, wire::SegmentNotice{What::received, at(5, 2)});
  offer(driver, part, at(5, 2));
  EXPECT_THAT(driver.told(part, What::decline), IsEmpty());
  EXPECT_THAT(requested(driver, part), ElementsAre(at(5, 2)));
}

TEST(SwarmSegments, AllOfAPieceIsOfferedAgainOnceItsReceiverHasDroppedIt) {
  Driver driver(room(true));
  const PeerHandle peer = driver.kin({});
  std::vector<SegmentRef> before;
  for (int i = 0; i < 3; ++i) {
    for (const SegmentRef& segment : take_offers(driver, peer)) before.push_back(segment);
    driver.pass(100ms);
  }
  ASSERT_GE(before.size(), 2u);
  driver.say(peer, wire::SegmentNotice{What::dropped, {before[0].piece, 0}});
  std::set<SegmentRef> again;
  for (int i = 0; i < 60; ++i) {
    for (const SegmentRef& segment : take_offers(driver, peer)) again.insert(segment);
    driver.pass(100ms);
  }
  for (const SegmentRef& segment : before) EXPECT_TRUE(again.contains(segment)) << segment.segment;
}

TEST(SwarmSegments, ASuspectsOfferIsTakenForAPieceOfItsOwn) {
  Driver driver(room(false));
  const PeerHandle one = driver.kin(all_pieces());
  const PeerHandle two = driver.kin(all_pieces());
  for (std::uint32_t i = 0; i < segments; ++i) {
    offer(driver, i % 2 == 0 ? one : two, at(5, i));
    driver.serve_all(one);
    driver.serve_all(two);
  }
  driver.finish_hashing(false);
  EXPECT_FALSE(driver.closed(one) || driver.closed(two)) << "either may be the one";
  driver.forget_all();
  offer(driver, one, at(6, 0));
  offer(driver, two, at(6, 1));
  EXPECT_THAT(driver.told(one, What::decline), IsEmpty());
  EXPECT_THAT(driver.told(two, What::decline), ElementsAre(at(6, 1)));
  driver.serve_all(one);
  driver.finish_hashing(false);
  EXPECT_TRUE(driver.closed(one));
}

TEST(SwarmSegments, NoticesOfSegmentsThatDoNotExistAreAViolation) {
  for (const What what : {What::offer, What::decline, What::fetching, What::received, What::dropped}) {
    for (const SegmentRef bad : {at(0, segments), at(pieces, 0)}) {
      Driver driver(room(false));
      const PeerHandle peer = driver.kin({});
      driver.say(peer, wire::SegmentNotice{what, bad});
      EXPECT_TRUE(driver.closed(peer)) << static_cast<int>(what);
    }
  }
}

}  // namespace
}  // namespace ezio
