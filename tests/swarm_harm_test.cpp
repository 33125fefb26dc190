// Peers that mean harm to a swarm: what they send, who they claim to be, what they hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "swarm_fixture.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Optional;

struct Room : testing::Test {
  Room() : driver(options()) {}
  static DriverOptions options() {
    DriverOptions options;
    options.pieces = 8;
    options.buffers = 16;
    options.share = 12;
    return options;
  }
  // Whoever it says it is, from there.
  PeerHandle meet(const char* address, std::uint16_t port, std::uint8_t id) {
    const PeerHandle peer = driver.swarm->new_handle();
    driver.event(PeerAccepted{peer, *parse_address(address, port), driver.handshake({.id = id})});
    return peer;
  }
  void serves(PeerHandle peer) {
    driver.say(peer, wire::HaveAll{});
    driver.say(peer, wire::Unchoke{});
  }
  void listens(PeerHandle peer, std::uint16_t port) {
    wire::ExtensionHandshake hello;
    hello.listen_port = port;
    driver.say(peer, hello);
  }
  // One piece of it, all from the peer, and wrong.
  void lies(PeerHandle peer) {
    const auto asked = driver.heard<wire::Request>(peer);
    ASSERT_FALSE(asked.empty());
    const PieceIndex piece = asked[0].span.piece;
    for (const wire::Request& request : asked) {
      if (request.span.piece == piece) driver.send_block(peer, request.span);
    }
    driver.finish_hashing(false);
  }
  Driver driver;
};

TEST_F(Room, ANewIdWashesNoBanOffWhoSaysWhereItListens) {
  serves(driver.accept());  // somebody else has it all
  const PeerHandle liar = meet("10.9.0.1", 50000, 0x81);
  listens(liar, 7000);
  serves(liar);
  lies(liar);
  ASSERT_THAT(driver.closed(liar), Optional(HasSubstr("wrong hash")));
  const PeerHandle again = meet("10.9.0.1", 50001, 0x82);
  listens(again, 7000);
  EXPECT_THAT(driver.closed(again), Optional(HasSubstr("banned")));
  const PeerHandle neighbour = meet("10.9.0.1", 50002, 0x83);
  listens(neighbour, 7001);
  EXPECT_FALSE(driver.closed(neighbour)) << "behind the same address, and nothing is known against it";
}

TEST_F(Room, WhoDoesNotSayWhereItListensIsNotLetInAgainUnderANewId) {
  serves(driver.accept());
  const PeerHandle liar = meet("10.9.0.1", 50000, 0x81);
  serves(liar);
  lies(liar);
  ASSERT_THAT(driver.closed(liar), Optional(HasSubstr("wrong hash")));
  EXPECT_THAT(driver.closed(meet("10.9.0.1", 50001, 0x82)), Optional(HasSubstr("banned")));
}

TEST_F(Room, AnotherAddressThatClaimsALivePeersIdThrowsNobodyOut) {
  const PeerHandle honest = meet("10.9.0.1", 50000, 0x81);
  driver.pass(60s);  // it has had nothing to say
  const PeerHandle thief = meet("10.9.0.2", 50000, 0x81);
  EXPECT_FALSE(driver.closed(honest));
  serves(thief);
  serves(honest);
  lies(thief);
  EXPECT_TRUE(driver.closed(thief));
  EXPECT_FALSE(driver.closed(honest)) << "what was done in its name is not its deed";
}

TEST_F(Room, WhoComesBackAfterAPowerCutReplacesWhatIsLeftOfIt) {
  for (const bool same_id : {true, false}) {
    const std::uint16_t port = same_id ? 7000 : 7001;
    const PeerHandle dead = meet("10.9.0.1", 50000, 0x81);
    listens(dead, port);
    driver.pass(10s);
    const PeerHandle back = meet("10.9.0.1", 50001, same_id ? 0x81 : 0x82);
    listens(back, port);
    EXPECT_TRUE(driver.closed(dead)) << same_id;
    EXPECT_FALSE(driver.closed(back)) << same_id;
    driver.event(PeerDisconnected{back, "bye"});
  }
}

struct LoneSource : testing::Test {
  LoneSource() : driver(options()) {
    liar = driver.seed();
    for (std::uint32_t i = 0; i < Trials::most_failures; ++i) {
      EXPECT_FALSE(driver.closed(liar)) << i;
      driver.pass(100ms);
      driver.serve_all(liar);
      driver.finish_hashing(false);
    }
  }
  static DriverOptions options() {
    DriverOptions options;
    options.pieces = 1;
    options.piece_length = options.last_piece_bytes = 64 * KiB;
    return options;
  }
  Driver driver;
  PeerHandle liar;
};

TEST_F(LoneSource, AWrongPieceIsTriedAgainAndThenNamed) {
  driver.pass(1s);
  EXPECT_TRUE(driver.heard<wire::Request>(liar).empty()) << "it is asked no more";
  EXPECT_TRUE(driver.take<Finished>().empty()) << "another may come";
  driver.pass(Trials::patience);
  const auto finished = driver.take<Finished>();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].outcome, SwarmOutcome::io_error);
  EXPECT_THAT(finished[0].message, testing::AllOf(HasSubstr("piece 0 is wrong"), HasSubstr("10.0.0.1")));
}

TEST_F(LoneSource, AnHonestOneThatComesLaterCompletesTheClone) {
  driver.pass(5s);
  driver.serve_all(driver.seed());
  driver.finish_hashing(true);
  driver.pass(Trials::longest_patience);
  EXPECT_TRUE(driver.swarm->verified(PieceIndex{0}));
  for (const Finished& finished : driver.take<Finished>())
    EXPECT_NE(finished.outcome, SwarmOutcome::io_error);
}

TEST_F(Room, TheOtherPiecesOfALoneSourceAreStillTaken) {
  const PeerHandle source = driver.accept();
  serves(source);
  for (std::uint32_t round = 0; round < 20; ++round) {
    for (const wire::Request& request : driver.heard<wire::Request>(source))
      driver.send_block(source, request.span);
    for (const HashSegment& hash : driver.take<HashSegment>()) {
      const bool rotten = hash.piece == PieceIndex{3};
      driver.event(SegmentHashed{hash.piece,
                                 rotten ? Sha1Digest{} : driver.metainfo.piece_hashes[hash.piece.value()]});
    }
    driver.finish_writes();
    driver.pass(100ms);
  }
  EXPECT_FALSE(driver.closed(source));
  EXPECT_EQ(driver.swarm->stats().verified_pieces, 7u);
  driver.pass(Trials::patience);
  ASSERT_EQ(driver.take<Finished>().size(), 1u);
}

TEST_F(Room, WhoDripsABlockLosesItWithinAMinute) {
  const PeerHandle drip = driver.seed();
  const auto asked = driver.heard<wire::Request>(drip);
  driver.event(BlockHeaderReceived{drip, asked[0].span});
  for (int i = 0; i < 60 && !driver.closed(drip); ++i) {
    driver.pass(1s);
    if (!driver.closed(drip)) driver.event(BlockProgress{drip, 1});
  }
  EXPECT_THAT(driver.closed(drip), Optional(HasSubstr("too slowly")));
}

// At the end, where an honest peer has what is missing.
TEST(SwarmHarm, ABlockThatTricklesAtTheEndIsTakenFromWhoHoldsItSoon) {
  for (const std::uint32_t bytes_a_second : {1u, 400u, 1500u}) {
    Driver driver;
    const PeerHandle drip = driver.seed();
    const BlockSpan held = driver.heard<wire::Request>(drip).at(0).span;
    driver.event(BlockHeaderReceived{drip, held});
    const PeerHandle honest = driver.seed();
    driver.serve_all(honest);
    int seconds = 0;
    for (; seconds < 12 && !driver.closed(drip); ++seconds) {
      driver.pass(1s);
      if (!driver.closed(drip)) driver.event(BlockProgress{drip, bytes_a_second});
    }
    EXPECT_TRUE(driver.closed(drip)) << bytes_a_second;
    EXPECT_GE(seconds, 2) << "a moment's pause is what a link looks like";
    driver.serve_all(honest);
    EXPECT_GE(driver.swarm->stats().downloaded, driver.metainfo.total_length);
  }
}

TEST(SwarmHarm, ASlowBlockAtTheEndIsWaitedForWhereItComesAtARateOfARoomThatManyShare) {
  Driver driver;
  const PeerHandle slow = driver.seed();
  const BlockSpan held = driver.heard<wire::Request>(slow).at(0).span;
  driver.event(BlockHeaderReceived{slow, held});
  driver.serve_all(driver.seed());
  for (std::uint32_t left = held.length; left > 3000; left -= 3000) {
    driver.pass(1s);
    driver.event(BlockProgress{slow, 3000});
  }
  EXPECT_FALSE(driver.closed(slow));
}

// A seeder, and peers that ask for blocks and take none of them.
struct Seeder : testing::Test {
  Seeder() : driver(options()) {}
  static DriverOptions options() {
    DriverOptions options;
    options.pieces = 40;
    options.buffers = 16;
    options.config.seeding = true;
    options.config.linger.mode = Linger::Mode::forever;
    return options;
  }
  PeerHandle asks_for(const BlockSpan& span) {
    const PeerHandle peer = driver.accept();
    driver.say(peer, wire::Interested{});
    driver.say(peer, wire::Request{span});
    driver.finish_reads();
    return peer;
  }
  Driver driver;
};

TEST_F(Seeder, BuffersForThoseWhoDoNotReadAreBounded) {
  for (std::uint32_t i = 0; i < 40; ++i) asks_for(block(i, 0));
  EXPECT_GE(driver.pool.available(), driver.pool.capacity() / 4);
}

TEST_F(Seeder, WhoAsksForWhatIsBeingSentAnywayIsServedBesideThem) {
  for (std::uint32_t i = 0; i < 39; ++i) asks_for(block(i, 0));
  driver.take<SendBlock>();
  const PeerHandle reader = asks_for(block(0, 1));
  const auto sent = driver.take<SendBlock>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].peer, reader);
}

TEST_F(Seeder, WhoWaitsForTheirBuffersIsServedWhenTheyAreThrownOut) {
  for (std::uint32_t i = 0; i < 12; ++i) asks_for(block(i, 0));
  const PeerHandle reader = asks_for(block(38, 0));
  driver.take<SendBlock>();
  driver.pass(62s);
  driver.finish_reads();
  const auto sent = driver.take<SendBlock>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].peer, reader);
}

TEST_F(Seeder, WhatCannotBeSentIsNotReadAgainAndAgain) {
  for (std::uint32_t i = 0; i < 40; ++i) asks_for(block(i, 0));
  std::size_t reads = 0;
  for (int i = 0; i < 50; ++i) {
    const auto asked = driver.take<ReadSegment>();
    reads += asked.size();
    for (const ReadSegment& read : asked) driver.event(SegmentRead{read.segment, {}});
    driver.pass(100ms);
  }
  EXPECT_LE(reads, driver.pool.capacity());
}

TEST_F(Seeder, BlocksOfAByteAreBoundedInNumberToo) {
  const PeerHandle greedy = asks_for({PieceIndex{0}, 0, 1});
  for (std::uint32_t i = 1; i < 5000; ++i) driver.say(greedy, wire::Request{{PieceIndex{0}, i, 1}});
  EXPECT_LE(driver.take<SendBlock>().size(), 256u);
  EXPECT_LE(driver.swarm->peers().at(greedy).uploads.queue.size(), Uploader::request_queue);
}

}  // namespace
}  // namespace ezio
