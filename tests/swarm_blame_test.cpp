// Whom the swarm blames for what is wrong: bans, second tries, suspects.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "swarm_fixture.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Optional;

TEST(SwarmBlame, WhoSentAWholePieceThatIsWrongIsBannedForGood) {
  Driver driver;
  const Guest guest{.id = 0x99};
  const PeerHandle peer = driver.swarm->new_handle();
  driver.event(PeerAccepted{peer, *parse_address("10.0.0.66", 1), driver.handshake(guest)});
  driver.say_pieces(peer, {2});
  driver.say(peer, wire::Unchoke{});
  driver.say_pieces(driver.accept(), {2});  // another has it
  driver.serve_all(peer);
  driver.finish_hashing(false);
  EXPECT_THAT(driver.closed(peer), Optional(HasSubstr("wrong hash")));
  const auto notes = driver.take<Note>();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0].text, HasSubstr("banned peer 10.0.0.66:1"));
  const PeerHandle again = driver.swarm->new_handle();
  // With another id, since that is what its owner says.
  driver.event(PeerAccepted{again, *parse_address("10.0.0.66", 2), driver.handshake({.id = 0x9A})});
  driver.say(again, wire::Unchoke{});
  EXPECT_THAT(driver.closed(again), Optional(HasSubstr("banned")));
  EXPECT_EQ(driver.swarm->stats().verified_pieces, 0u);
  EXPECT_TRUE(driver.take<WriteSegment>().empty());
}

// A bit that fell over, or a rotten block: there is nobody else to ask.
TEST(SwarmBlame, TheOnlySourceOfAPieceIsTriedAgainAndThenTheCloneSaysWhatIsWrong) {
  Driver driver;
  const PeerHandle seed = driver.seed();
  for (int i = 0; i < 2; ++i) {
    driver.serve_all(seed);
    driver.finish_hashing(false);
    EXPECT_FALSE(driver.closed(seed));
    driver.pass(100ms);
  }
  driver.serve_all(seed);
  driver.finish_hashing(true);
  driver.finish_writes();
  EXPECT_EQ(driver.take<Flush>().size(), 1u) << "right in the end";

  Driver rotten;
  const PeerHandle only = rotten.seed();
  for (int i = 0; i < 3; ++i) {
    rotten.serve_all(only);
    rotten.finish_hashing(false);
    rotten.pass(100ms);
  }
  EXPECT_TRUE(rotten.take<Finished>().empty()) << "another may come";
  rotten.pass(Trials::patience + 1s);
  const auto finished = rotten.take<Finished>();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].outcome, SwarmOutcome::io_error);
  EXPECT_THAT(finished[0].message, HasSubstr("the source's piece"));
}

TEST(SwarmBlame, ToClaimTheIdOfSomebodyNeitherBansNorReplacesHim) {
  Driver driver;
  const Guest honest{.id = 0x99};
  const PeerHandle seed = driver.seed(honest);
  const PeerHandle thief = driver.swarm->new_handle();
  wire::Handshake stolen = driver.handshake(honest);
  stolen.peer_id = driver.swarm->peers().at(seed).id;
  driver.event(PeerAccepted{thief, *parse_address("10.0.0.200", 1), stolen});
  driver.say_pieces(thief, {0, 1, 2, 3});
  driver.say(thief, wire::Unchoke{});
  driver.serve_all(thief);
  driver.finish_hashing(false);
  EXPECT_FALSE(driver.closed(seed));
  driver.serve_all(seed);
  driver.finish_hashing();
  EXPECT_FALSE(driver.closed(seed));
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
