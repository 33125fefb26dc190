// Peers that mean harm to a swarm: what they send, who they claim to be, what they hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

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
  PeerHandle meet(const char* address, std::uint16_t port, std::uint8_t id, bool extensions = true) {
    const PeerHandle peer = driver.swarm->new_handle();
    const wire::Handshake theirs = driver.handshake({.id = id, .extensions = extensions});
    driver.event(PeerAccepted{peer, *parse_address(address, port), theirs});
    return peer;
  }
  void serves(PeerHandle peer) {
    driver.say(peer, wire::HaveAll{});
    driver.say(peer, wire::Unchoke{});
  }
  // Port 0: it does not say where.
  void listens(PeerHandle peer, std::uint16_t port, bool ours = false) {
    wire::ExtensionHandshake hello;
    if (port != 0) hello.listen_port = port;
    if (ours) hello.notice_id = wire::our_notice_id;
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

struct RoomWithABan : Room {
  RoomWithABan() {
    serves(driver.accept());                                // somebody else has it all
    const PeerHandle liar = meet("10.9.0.1", 50000, 0x81);  // and does not say where it listens
    serves(liar);
    lies(liar);
    EXPECT_THAT(driver.closed(liar), Optional(HasSubstr("wrong hash")));
  }
};

TEST_F(RoomWithABan, WhoDoesNotSayWhereItListensIsNotLetInAgainUnderANewId) {
  EXPECT_THAT(driver.closed(meet("10.9.0.1", 50001, 0x82, false)), Optional(HasSubstr("banned")));
  const std::function<void(PeerHandle)> tries[] = {
      [&](PeerHandle peer) { driver.say(peer, wire::Unchoke{}); },
      [&](PeerHandle peer) { driver.say(peer, wire::Interested{}); },
      [&](PeerHandle peer) { driver.say(peer, wire::Request{block(0, 0)}); },
      [&](PeerHandle peer) { listens(peer, 0); },
      [&](PeerHandle peer) { listens(peer, 0, true); },
  };
  for (const auto& attempt : tries) {
    const PeerHandle again = meet("10.9.0.1", 50001, 0x82);
    driver.say(again, wire::HaveAll{});
    EXPECT_FALSE(driver.closed(again)) << "it may be another, and is yet to say so";
    attempt(again);
    EXPECT_THAT(driver.closed(again), Optional(HasSubstr("banned")));
    EXPECT_TRUE(driver.heard<wire::Request>(again).empty());
    EXPECT_TRUE(driver.heard<wire::Unchoke>(again).empty());
  }
}

TEST_F(RoomWithABan, AnotherBehindTheSameAddressIsLetInOnceItHasSaidWhereItListens) {
  const PeerHandle neighbour = meet("10.9.0.1", 50001, 0x82);
  driver.say(neighbour, wire::HaveAll{});
  listens(neighbour, 7000);
  driver.say(neighbour, wire::Unchoke{});
  driver.say(neighbour, wire::Interested{});
  EXPECT_FALSE(driver.closed(neighbour));
  EXPECT_FALSE(driver.heard<wire::Request>(neighbour).empty());
}

TEST_F(RoomWithABan, PortsThatItMakesUpWashItOffTwiceAndNoMore) {
  for (std::uint16_t port = 7000; port < 7002; ++port) {
    const PeerHandle again = meet("10.9.0.1", 50001, 0x82);
    listens(again, port);
    serves(again);
    lies(again);
    EXPECT_THAT(driver.closed(again), Optional(HasSubstr("wrong hash")));
  }
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

// One of our own is asked before it is held to be dead.
TEST_F(Room, WhoClaimsToBeASilentPeerOfOursDoesNotReplaceItWhileItAnswers) {
  for (const bool same_id : {true, false}) {
    const std::uint16_t port = same_id ? 7000 : 7001;
    const PeerHandle honest = meet("10.9.0.1", 50000, 0x81);
    listens(honest, port, true);
    driver.pass(60s);
    EXPECT_TRUE(driver.heard<wire::KeepAlive>(honest).empty());
    const PeerHandle thief = meet("10.9.0.1", 50001, same_id ? 0x81 : 0x82);
    listens(thief, port, true);
    EXPECT_EQ(driver.heard<wire::KeepAlive>(honest).size(), 1u);
    EXPECT_EQ(driver.closed(thief).has_value(), same_id) << "another id may be another peer";
    driver.pass(4s);
    driver.say(honest, wire::KeepAlive{});
    driver.pass(60s);
    EXPECT_FALSE(driver.closed(honest)) << same_id;
    for (const PeerHandle peer : {honest, thief}) driver.event(PeerDisconnected{peer, "bye"});
  }
}

TEST_F(Room, APeerOfOursThatDoesNotAnswerMakesRoomForWhoComesBack) {
  const PeerHandle dead = meet("10.9.0.1", 50000, 0x81);
  listens(dead, 7000, true);
  driver.pass(10s);
  EXPECT_TRUE(driver.closed(meet("10.9.0.1", 50001, 0x81)));
  EXPECT_TRUE(driver.closed(meet("10.9.0.1", 50002, 0x81)));
  EXPECT_EQ(driver.heard<wire::KeepAlive>(dead).size(), 1u) << "asked once";
  driver.pass(6s);
  EXPECT_THAT(driver.closed(dead), Optional(HasSubstr("does not answer")));
  EXPECT_FALSE(driver.closed(meet("10.9.0.1", 50003, 0x81)));
}

TEST_F(Room, AKeepAliveIsAnsweredToOurOwnAndNotForEver) {
  const PeerHandle ours = meet("10.9.0.1", 50000, 0x81);
  listens(ours, 7000, true);
  const PeerHandle stranger = meet("10.9.0.2", 50000, 0x82);
  listens(stranger, 7000);
  driver.pass(10s);
  for (int i = 0; i < 10; ++i) {
    driver.say(ours, wire::KeepAlive{});
    driver.say(stranger, wire::KeepAlive{});
  }
  EXPECT_EQ(driver.heard<wire::KeepAlive>(ours).size(), 1u);
  EXPECT_TRUE(driver.heard<wire::KeepAlive>(stranger).empty());
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

TEST_F(Seeder, TheirBoundIsThatOfThePoolWhichAllTorrentsShare) {
  DriverOptions options = Seeder::options();
  options.pool = &driver.pool;
  options.config.torrent = 1;
  Driver other(options);
  const auto ask_the_other = [&](std::uint32_t piece) {
    const PeerHandle peer = other.accept();
    other.say(peer, wire::Interested{});
    other.say(peer, wire::Request{block(piece, 0)});
    other.finish_reads();
  };
  for (std::uint32_t i = 0; i < 40; ++i) asks_for(block(i, 0));
  EXPECT_EQ(driver.pool.being_sent(), 12u);
  for (std::uint32_t i = 0; i < 40; ++i) ask_the_other(i);
  EXPECT_EQ(other.take<SendBlock>().size(), 1u) << "it is not shut out either";
  EXPECT_EQ(driver.pool.being_sent(), 13u);
  EXPECT_GE(driver.pool.available(), 3u);
}

TEST(SwarmHarm, ThoseWhoDoNotReadLeaveADownloadItsPiece) {
  DriverOptions options = Seeder::options();
  options.config.limits.sending = 5;
  Driver driver(options);
  for (std::uint32_t i = 0; i < 40; ++i) {
    const PeerHandle peer = driver.accept();
    driver.say(peer, wire::Interested{});
    driver.say(peer, wire::Request{block(i, 0)});
    driver.finish_reads();
  }
  EXPECT_EQ(driver.pool.being_sent(), 5u);
  EXPECT_GE(driver.pool.available(), driver.pool.capacity() - 5);
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
