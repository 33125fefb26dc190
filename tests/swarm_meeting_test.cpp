// How a swarm meets peers, keeps them and parts from them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

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

DriverOptions knowing(std::uint16_t peers) {
  DriverOptions options;
  for (std::uint16_t i = 1; i <= peers; ++i) options.config.peers.push_back(*parse_address("10.1.0.1", i));
  return options;
}

// Fetches the piece from a peer that has just it.
void get_piece(Driver& driver, std::uint32_t piece) {
  const PeerHandle peer = driver.accept();
  driver.say_pieces(peer, {piece});
  driver.say(peer, wire::Unchoke{});
  driver.serve_all(peer);
  driver.finish_hashing();
  driver.event(PeerDisconnected{peer, "bye"});
}

TEST(SwarmMeeting, WhoConnectsHearsOurHandshakeAndThatWeHaveNothing) {
  Driver driver;
  const PeerHandle peer = driver.accept();
  EXPECT_TRUE(driver.shook_hands(peer));
  ASSERT_EQ(driver.all_heard(peer).size(), 2u);
  EXPECT_TRUE(std::holds_alternative<wire::HaveNone>(driver.all_heard(peer)[0]));
  EXPECT_TRUE(std::holds_alternative<wire::ExtensionHandshake>(driver.all_heard(peer)[1]));
}

TEST(SwarmMeeting, ASeederSaysHaveAll) {
  Driver driver(seeding());
  const PeerHandle peer = driver.accept();
  EXPECT_EQ(driver.heard<wire::HaveAll>(peer).size(), 1u);
  const auto hello = driver.heard<wire::ExtensionHandshake>(peer);
  ASSERT_EQ(hello.size(), 1u);
  EXPECT_TRUE(hello[0].upload_only);
  EXPECT_EQ(hello[0].request_queue, Uploader::request_queue);
  EXPECT_EQ(hello[0].largest_request, Uploader::largest_request);
  EXPECT_EQ(hello[0].listen_port, 6881);
}

TEST(SwarmMeeting, APartialCloneSendsABitfield) {
  Driver driver;
  get_piece(driver, 2);
  for (const bool fast : {true, false}) {
    const PeerHandle peer = driver.accept({.fast = fast});
    const auto pieces = driver.heard<wire::BitfieldPayload>(peer);
    ASSERT_EQ(pieces.size(), 1u);
    EXPECT_EQ(pieces[0].bytes, std::vector<std::byte>{std::byte{0x20}});
  }
}

TEST(SwarmMeeting, WithoutTheFastExtensionASeederSendsABitfieldAndABeginnerNothing) {
  Driver seeder(seeding());
  EXPECT_EQ(seeder.heard<wire::BitfieldPayload>(seeder.accept({.fast = false})).size(), 1u);
  Driver beginner;
  const PeerHandle peer = beginner.accept({.fast = false, .extensions = false});
  EXPECT_TRUE(beginner.shook_hands(peer));
  EXPECT_TRUE(beginner.all_heard(peer).empty());
}

TEST(SwarmMeeting, OnAConnectionThatWeOpenedPiecesFollowTheHandshakeOfTheOther) {
  Driver driver(knowing(1));
  driver.pass(100ms);
  const auto connects = driver.take<Connect>();
  ASSERT_EQ(connects.size(), 1u);
  EXPECT_EQ(connects[0].remote, *parse_address("10.1.0.1", 1));
  const PeerHandle peer = connects[0].peer;
  driver.event(PeerConnected{peer});
  EXPECT_TRUE(driver.shook_hands(peer));
  EXPECT_TRUE(driver.all_heard(peer).empty());
  driver.event(HandshakeReceived{peer, driver.handshake({})});
  EXPECT_EQ(driver.heard<wire::HaveNone>(peer).size(), 1u);
}

TEST(SwarmMeeting, AnotherTorrentIsRefused) {
  Driver driver;
  wire::Handshake handshake = driver.handshake({});
  handshake.info_hash.bytes[0] ^= std::byte{1};
  const PeerHandle peer = driver.swarm->new_handle();
  driver.event(PeerAccepted{peer, *parse_address("10.0.0.9", 1), handshake});
  EXPECT_THAT(driver.closed(peer), Optional(HasSubstr("another torrent")));
  EXPECT_FALSE(driver.shook_hands(peer));
}

TEST(SwarmMeeting, WeDoNotTalkToOurselvesAndDoNotTryAgain) {
  Driver driver(knowing(1));
  driver.pass(100ms);
  const PeerHandle peer = driver.take<Connect>().at(0).peer;
  driver.event(PeerConnected{peer});
  wire::Handshake ours;
  ours.info_hash = driver.metainfo.info_hash;
  ours.peer_id.bytes.fill(std::byte{0x50});
  driver.event(HandshakeReceived{peer, ours});
  EXPECT_THAT(driver.closed(peer), Optional(HasSubstr("ourselves")));
  driver.pass(120s);
  EXPECT_TRUE(driver.take<Connect>().empty());
}

// Both hosts dialled; which of the two connections stays, seen from a host whose id is 0x50.
bool dialled_one_stays(std::uint8_t other_id, bool dialled_first) {
  Driver driver(knowing(1));
  driver.pass(100ms);
  const PeerHandle dialled = driver.take<Connect>().at(0).peer;
  const PeerHandle accepted = driver.swarm->new_handle();
  const wire::Handshake theirs = driver.handshake({.id = other_id});
  driver.event(PeerConnected{dialled});
  if (dialled_first) driver.event(HandshakeReceived{dialled, theirs});
  driver.event(PeerAccepted{accepted, *parse_address("10.1.0.1", 50000), theirs});
  if (!dialled_first) driver.event(HandshakeReceived{dialled, theirs});
  EXPECT_NE(driver.closed(dialled).has_value(), driver.closed(accepted).has_value());
  return !driver.closed(dialled).has_value();
}

TEST(SwarmMeeting, OfTwoConnectionsThatCrossedTheGreaterIdsStays) {
  for (const bool dialled_first : {false, true}) {
    EXPECT_TRUE(dialled_one_stays(0x40, dialled_first));
    EXPECT_FALSE(dialled_one_stays(0x60, dialled_first));
  }
}

TEST(SwarmMeeting, ASecondConnectionOfTheSameKindIsRefused) {
  Driver driver;
  const wire::Handshake theirs = driver.handshake({});
  const PeerHandle first = driver.swarm->new_handle();
  driver.event(PeerAccepted{first, *parse_address("10.1.0.1", 50000), theirs});
  const PeerHandle second = driver.swarm->new_handle();
  driver.event(PeerAccepted{second, *parse_address("10.1.0.1", 50001), theirs});
  EXPECT_FALSE(driver.closed(first));
  EXPECT_THAT(driver.closed(second), Optional(HasSubstr("twice")));
}

TEST(SwarmMeeting, ConnectionsAreBounded) {
  const std::uint32_t most = SwarmLimits{}.mesh;
  Driver driver;
  for (std::uint32_t i = 0; i < most; ++i) EXPECT_FALSE(driver.closed(driver.accept()));
  EXPECT_THAT(driver.closed(driver.accept()), Optional(HasSubstr("enough")));
  EXPECT_EQ(driver.swarm->peers().size(), most);
}

TEST(SwarmMeeting, DiallingIsBounded) {
  Driver driver(knowing(200));
  driver.pass(100ms);
  auto connects = driver.take<Connect>();
  EXPECT_LE(connects.size(), 16u) << "half-open";
  std::set<Endpoint> distinct;
  for (int round = 0; round < 20; ++round) {
    for (const Connect& connect : connects) {
      distinct.insert(connect.remote);
      driver.event(PeerConnected{connect.peer});
      wire::Handshake theirs = driver.handshake({});
      theirs.peer_id.bytes[5] = static_cast<std::byte>(distinct.size());
      driver.event(HandshakeReceived{connect.peer, theirs});
    }
    driver.pass(100ms);
    connects = driver.take<Connect>();
  }
  EXPECT_EQ(distinct.size(), SwarmLimits{}.degree * 3 / 4) << "room is left for those who dial us";
}

TEST(SwarmMeeting, WhoDoesNotAnswerIsGivenUpAfterTenSeconds) {
  Driver driver(knowing(1));
  driver.pass(100ms);
  const PeerHandle peer = driver.take<Connect>().at(0).peer;
  driver.pass(10s);
  EXPECT_FALSE(driver.closed(peer));
  driver.pass(200ms);
  EXPECT_TRUE(driver.closed(peer));
}

TEST(SwarmMeeting, ASilentPeerGetsKeepAlivesAndIsClosedWhenItNeverSpeaks) {
  Driver driver;
  const PeerHandle peer = driver.accept();
  driver.pass(85s);
  EXPECT_TRUE(driver.heard<wire::KeepAlive>(peer).empty());
  driver.pass(10s);
  EXPECT_EQ(driver.heard<wire::KeepAlive>(peer).size(), 1u);
  driver.say(peer, wire::KeepAlive{});
  driver.pass(235s);
  EXPECT_FALSE(driver.closed(peer));
  driver.pass(10s);
  EXPECT_THAT(driver.closed(peer), Optional(HasSubstr("idle")));
}

TEST(SwarmMeeting, TwoWhoAreCompletePart) {
  Driver driver(seeding());
  const PeerHandle peer = driver.accept();
  driver.say(peer, wire::HaveAll{});
  EXPECT_THAT(driver.closed(peer), Optional(HasSubstr("both complete")));
  const PeerHandle late = driver.accept();
  driver.say_pieces(late, {0, 1, 2});
  EXPECT_FALSE(driver.closed(late));
  driver.say(late, wire::Have{PieceIndex{3}});
  EXPECT_TRUE(driver.closed(late));
}

TEST(SwarmMeeting, PiecesAreToldOnce) {
  Driver driver;
  const PeerHandle peer = driver.accept();
  driver.say(peer, wire::HaveNone{});
  driver.say(peer, wire::HaveAll{});
  EXPECT_THAT(driver.closed(peer), Optional(HasSubstr("twice")));
}

TEST(SwarmMeeting, EventsOfPeersThatAreGoneAreIgnored) {
  Driver driver;
  const PeerHandle peer = driver.seed();
  driver.event(PeerDisconnected{peer, "broken"});
  driver.forget_all();
  driver.say(peer, wire::Unchoke{});
  driver.event(BlockHeaderReceived{peer, block(0, 0)});
  driver.event(BlockReceived{peer, block(0, 0)});
  driver.event(BlockSent{peer, block(0, 0)});
  driver.event(PeerConnected{peer});
  driver.event(HandshakeReceived{peer, driver.handshake({})});
  driver.event(PeerDisconnected{peer, "again"});
  EXPECT_TRUE(driver.take<ReceivePayload>().empty());
  EXPECT_FALSE(driver.closed(peer));
}

TEST(SwarmMeeting, APeerThatTellsItsPortIsNotDialled) {
  Driver driver;
  const PeerHandle peer = driver.accept();
  wire::ExtensionHandshake hello;
  hello.listen_port = 7000;
  driver.say(peer, hello);
  AnnounceReply reply;
  reply.interval = 60s;
  reply.peers = {*parse_address("10.0.0.1", 7000)};
  DriverOptions options;
  options.config.trackers = {"http://tracker.test/announce"};
  Driver other(options);
  const PeerHandle guest = other.accept();
  other.say(guest, hello);
  other.pass(100ms);
  other.event(AnnounceSucceeded{TrackerIndex{0}, reply});
  other.pass(30s);
  EXPECT_TRUE(other.take<Connect>().empty());
  other.event(PeerDisconnected{guest, "bye"});
  other.pass(30s);
  EXPECT_FALSE(other.take<Connect>().empty());
}

}  // namespace
}  // namespace ezio
