// Limits that keep strangers from pushing hosts out: connections, subnets, announces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "tracker/doorkeeper.hpp"
#include "tracker/registry.hpp"

namespace ezio::tracker {
namespace {

using std::chrono::seconds;

Endpoint address(const std::string& text) {
  return *parse_address(text, 0);
}

class DoorkeeperTest : public testing::Test {
 protected:
  Doorkeeper::Guest& guest() { return guests.emplace_back(); }
  // Lets in who has to be; whoever gives way leaves.
  Doorkeeper::Guest* enter(const std::string& from) {
    Doorkeeper::Guest& one = guest();
    last = door.enter(one, address(from));
    if (last.gives_way) door.leave(*last.gives_way);
    return last.admitted ? &one : nullptr;
  }

  std::deque<Doorkeeper::Guest> guests;
  Doorkeeper::Verdict last;
  Doorkeeper door{{.connections = 4, .connections_an_address = 2}, {1, 2}};
};

TEST_F(DoorkeeperTest, TheOldestOfTheSameAddressGivesWay) {
  Doorkeeper::Guest* first = enter("10.0.0.1");
  enter("10.0.0.2");
  Doorkeeper::Guest* second = enter("10.0.0.1");
  EXPECT_FALSE(last.gives_way);
  enter("10.0.0.1");
  EXPECT_EQ(last.gives_way, first);
  enter("10.0.0.1");
  EXPECT_EQ(last.gives_way, second);
  EXPECT_EQ(door.size(), 3u);
}

TEST_F(DoorkeeperTest, WhoIsBeingAnsweredDoesNotGiveWay) {
  Doorkeeper::Guest* one = enter("10.0.0.1");
  Doorkeeper::Guest* two = enter("10.0.0.1");
  door.set_idle(*one, false);
  door.set_idle(*two, false);
  EXPECT_FALSE(enter("10.0.0.1"));
  door.set_idle(*one, true);
  EXPECT_TRUE(enter("10.0.0.1"));
  EXPECT_EQ(last.gives_way, one);
}

TEST_F(DoorkeeperTest, OfAllTheOneThatIsIdleLongestGivesWay) {
  Doorkeeper::Guest* first = enter("10.0.0.1");
  Doorkeeper::Guest* second = enter("10.0.0.2");
  enter("10.0.0.3");
  enter("10.0.0.4");
  door.set_idle(*first, false);
  door.set_idle(*first, true);  // asked for something meanwhile
  enter("10.0.0.5");
  EXPECT_EQ(last.gives_way, second);
  EXPECT_EQ(door.size(), 4u);
}

TEST_F(DoorkeeperTest, NobodyIsLetInWhereNobodyIsIdle) {
  for (int i = 1; i <= 4; ++i) door.set_idle(*enter("10.0.0." + std::to_string(i)), false);
  EXPECT_FALSE(enter("10.0.0.5"));
  EXPECT_EQ(door.size(), 4u);
}

TEST_F(DoorkeeperTest, AnIpv6HostIsItsPrefix) {
  enter("2001:db8::1");
  enter("2001:db8::2");
  enter("2001:db8::3");
  EXPECT_TRUE(last.gives_way);
  enter("2001:db8:0:1::1");
  EXPECT_FALSE(last.gives_way);
}

TEST_F(DoorkeeperTest, TenThousandIdleConnectionsLeaveRoomForOne) {
  for (int i = 0; i < 10'000; ++i) {
    enter("10." + std::to_string(i % 250) + "." + std::to_string(i / 250) + ".1");
    ASSERT_LE(door.size(), 4u);
  }
  EXPECT_TRUE(enter("192.0.2.1"));
}

PeerId id_of(int number) {
  PeerId id;
  std::memcpy(id.bytes.data(), &number, sizeof number);
  return id;
}

class RegistryLimitsTest : public testing::Test {
 protected:
  Result<AnnounceOutcome> announce(int peer, const std::string& from, std::uint64_t left = 5,
                                   std::optional<std::uint32_t> numwant = {}) {
    AnnounceQuery query;
    query.peer_id = id_of(peer);
    query.port = static_cast<std::uint16_t>(1 + peer % 60'000);
    query.left = left;
    query.numwant = numwant;
    return registry.announce(query, address(from), now, random);
  }
  static std::map<std::string, int> by_subnet(const AnnounceOutcome& outcome) {
    std::map<std::string, int> counts;
    std::set<std::string> distinct;
    for (const KnownPeer& peer : outcome.peers) {
      EXPECT_TRUE(distinct.insert(to_string(peer.endpoint)).second) << "twice";
      const std::string text = address_text(peer.endpoint);
      ++counts[text.substr(0, text.rfind('.'))];
    }
    return counts;
  }

  RegistryLimits limits{.max_peers_an_address = 3};
  Registry registry{limits};
  Random random{1};
  TimePoint now{seconds(1'000'000)};
};

TEST_F(RegistryLimitsTest, FakePeersOfOneAddressAreFew) {
  for (int i = 0; i < 1'000; ++i) {
    const auto outcome = announce(i, "10.0.0.66");
    ASSERT_EQ(outcome.has_value(), i < 3);
    ASSERT_EQ(outcome ? "" : outcome.error().message, i < 3 ? "" : "too many peers have your address");
  }
  EXPECT_EQ(registry.peer_count(), 3u);
  EXPECT_TRUE(announce(1, "10.0.0.66")) << "known ones are served";
  EXPECT_TRUE(announce(5000, "10.0.0.7"));
  now += registry.lifetime() + seconds(1);
  registry.expire(now);
  EXPECT_TRUE(announce(2000, "10.0.0.66"));
}

TEST_F(RegistryLimitsTest, AHostGetsItsOwnSubnetFirstAndSomeOfTheOthers) {
  for (int i = 0; i < 200; ++i) announce(i, "10.0.1." + std::to_string(i));
  for (int i = 0; i < 200; ++i) announce(1000 + i, "10.0.2." + std::to_string(i));
  const auto counts = by_subnet(announce(5000, "10.0.1.250", 5, 40).value());
  EXPECT_EQ(counts.at("10.0.1") + counts.at("10.0.2"), 40);
  EXPECT_GE(counts.at("10.0.1"), 30);
  EXPECT_GE(counts.at("10.0.2"), 1);
}

TEST_F(RegistryLimitsTest, AHostThatIsAloneInItsSubnetGetsAnybody) {
  for (int i = 0; i < 200; ++i) announce(i, "10.0.1." + std::to_string(i));
  EXPECT_EQ(by_subnet(announce(5000, "10.0.9.1", 5, 40).value()),
            (std::map<std::string, int>{{"10.0.1", 40}}));
}

TEST_F(RegistryLimitsTest, EverybodyIsGivenWhereThatIsNoMoreThanWasAskedFor) {
  for (int i = 0; i < 20; ++i) announce(i, "10.0." + std::to_string(i % 4) + "." + std::to_string(i));
  EXPECT_EQ(announce(5000, "10.0.1.250", 5, 50).value().peers.size(), 20u);
  EXPECT_EQ(announce(5000, "10.0.1.250", 5, 20).value().peers.size(), 20u);
}

TEST_F(RegistryLimitsTest, ASeedGetsNoSeedsOfItsOwnSubnetEither) {
  for (int i = 0; i < 100; ++i) announce(i, "10.0.1." + std::to_string(i), 0);
  for (int i = 0; i < 100; ++i) announce(1000 + i, "10.0.2." + std::to_string(i), 5);
  EXPECT_EQ(by_subnet(announce(5000, "10.0.1.250", 0, 40).value()),
            (std::map<std::string, int>{{"10.0.2", 40}}));
}

TEST_F(RegistryLimitsTest, NobodyIsGivenItself) {
  for (int i = 0; i < 30; ++i) announce(i, "10.0." + std::to_string(i % 3) + ".1");
  for (const char* family : {"10.0.1.250", "2001:db8::1"}) announce(7000, family);
  for (int round = 0; round < 200; ++round) {
    for (const KnownPeer& peer : announce(7000, "10.0.1.250", 5, 10).value().peers) {
      ASSERT_NE(peer.peer_id, id_of(7000));
    }
  }
}

}  // namespace
}  // namespace ezio::tracker
