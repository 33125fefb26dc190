#include "tracker/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace ezio::tracker {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

InfoHash hash_of(int number) {
  InfoHash hash;
  hash.bytes[0] = static_cast<std::byte>(number);
  hash.bytes[19] = static_cast<std::byte>(number >> 8);
  return hash;
}

PeerId id_of(int number) {
  PeerId id;
  id.bytes[0] = static_cast<std::byte>(number);
  id.bytes[1] = static_cast<std::byte>(number >> 8);
  return id;
}

Endpoint address(const char* text) {
  return *parse_address(text, 0);
}

AnnounceQuery query_of(int peer, std::uint64_t left, AnnounceEvent event = AnnounceEvent::none) {
  AnnounceQuery query;
  query.info_hash = hash_of(1);
  query.peer_id = id_of(peer);
  query.port = static_cast<std::uint16_t>(1000 + peer);
  query.left = left;
  query.event = event;
  return query;
}

class RegistryTest : public testing::Test {
 protected:
  AnnounceOutcome announce(const AnnounceQuery& query, const char* from = "10.0.0.1") {
    auto outcome = registry.announce(query, address(from), now, random);
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().message);
    return outcome ? *outcome : AnnounceOutcome{};
  }
  std::string refusal(const AnnounceQuery& query) {
    const auto outcome = registry.announce(query, address("10.0.0.1"), now, random);
    return outcome ? "" : outcome.error().message;
  }
  static std::vector<std::string> peers(const AnnounceOutcome& outcome) {
    std::vector<std::string> out;
    for (const KnownPeer& peer : outcome.peers) out.push_back(to_string(peer.endpoint));
    return out;
  }

  RegistryLimits limits{.max_swarms = 3, .max_peers = 1000};
  Registry registry{limits};
  Random random{42};
  TimePoint now{seconds(1'000'000)};
};

TEST_F(RegistryTest, TheFirstPeerIsAlone) {
  const auto outcome = announce(query_of(1, 100));
  EXPECT_THAT(outcome.peers, IsEmpty());
  EXPECT_EQ(outcome.counts.leechers, 1u);
  EXPECT_EQ(outcome.counts.seeders, 0u);
  EXPECT_EQ(outcome.interval, seconds(60));
  EXPECT_EQ(outcome.min_interval, seconds(10));
}

TEST_F(RegistryTest, ALeecherGetsSeedersAndLeechersButNotItself) {
  announce(query_of(1, 0));
  announce(query_of(2, 5));
  EXPECT_THAT(peers(announce(query_of(3, 5))), UnorderedElementsAre("10.0.0.1:1001", "10.0.0.1:1002"));
}

TEST_F(RegistryTest, ASeederGetsOnlyLeechers) {
  announce(query_of(1, 0));
  announce(query_of(2, 5));
  EXPECT_THAT(peers(announce(query_of(3, 0))), UnorderedElementsAre("10.0.0.1:1002"));
}

TEST_F(RegistryTest, ThePeersOfATorrentAreItsOwn) {
  announce(query_of(1, 0));
  AnnounceQuery other = query_of(2, 5);
  other.info_hash = hash_of(2);
  EXPECT_THAT(announce(other).peers, IsEmpty());
}

TEST_F(RegistryTest, TheAddressIsThatOfTheConnectionAndThePortThatOfTheQuery) {
  Endpoint source = address("192.0.2.7");
  source.port = 54321;
  ASSERT_TRUE(registry.announce(query_of(1, 0), source, now, random));
  EXPECT_THAT(peers(announce(query_of(2, 5))), UnorderedElementsAre("192.0.2.7:1001"));
}

TEST_F(RegistryTest, CompletingTurnsALeecherIntoASeeder) {
  announce(query_of(1, 5));
  const auto outcome = announce(query_of(1, 0, AnnounceEvent::completed));
  EXPECT_EQ(outcome.counts.seeders, 1u);
  EXPECT_EQ(outcome.counts.leechers, 0u);
  EXPECT_EQ(outcome.counts.completed, 1u);
}

TEST_F(RegistryTest, ACompletionCountsOnce) {
  announce(query_of(1, 0, AnnounceEvent::completed));
  announce(query_of(1, 0, AnnounceEvent::completed));
  announce(query_of(2, 7, AnnounceEvent::completed));  // nonsense: bytes are left
  EXPECT_EQ(registry.scrape(hash_of(1))->completed, 1u);
  announce(query_of(2, 0, AnnounceEvent::completed));
  EXPECT_EQ(registry.scrape(hash_of(1))->completed, 2u);
}

TEST_F(RegistryTest, StoppingRemovesAndGivesNoPeers) {
  announce(query_of(1, 5));
  announce(query_of(2, 5));
  const auto outcome = announce(query_of(2, 5, AnnounceEvent::stopped));
  EXPECT_THAT(outcome.peers, IsEmpty());
  EXPECT_EQ(outcome.counts.leechers, 1u);
  EXPECT_EQ(registry.peer_count(), 1u);
  announce(query_of(9, 5, AnnounceEvent::stopped));
  EXPECT_EQ(registry.peer_count(), 1u);
}

TEST_F(RegistryTest, StoppingNeedsTheKeyOfThePeer) {
  AnnounceQuery query = query_of(1, 5);
  query.key = "secret";
  announce(query);
  announce(query_of(1, 5, AnnounceEvent::stopped));
  EXPECT_EQ(registry.peer_count(), 1u);
  query.event = AnnounceEvent::stopped;
  announce(query);
  EXPECT_EQ(registry.peer_count(), 0u);
}

TEST_F(RegistryTest, AHostWithBothFamiliesGetsBothAndNeverItself) {
  announce(query_of(1, 5), "10.0.0.1");
  announce(query_of(1, 5), "2001:db8::1");
  EXPECT_EQ(registry.peer_count(), 2u);
  announce(query_of(2, 5), "10.0.0.2");
  EXPECT_THAT(peers(announce(query_of(2, 5), "2001:db8::2")),
              UnorderedElementsAre("10.0.0.1:1001", "[2001:db8::1]:1001"));
}

TEST_F(RegistryTest, APeerThatChangesItsAddressIsMoved) {
  announce(query_of(1, 5), "10.0.0.1");
  announce(query_of(1, 5), "10.0.0.9");
  EXPECT_THAT(peers(announce(query_of(2, 5))), UnorderedElementsAre("10.0.0.9:1001"));
}

TEST_F(RegistryTest, ARestartedPeerReplacesTheEntryOfItsDeadProcess) {
  announce(query_of(1, 5));
  AnnounceQuery restarted = query_of(2, 5);
  restarted.port = query_of(1, 5).port;
  EXPECT_THAT(announce(restarted).peers, IsEmpty());
  EXPECT_EQ(registry.peer_count(), 1u);
}

TEST_F(RegistryTest, SilentPeersAreForgotten) {
  announce(query_of(1, 0));
  now += seconds(100);
  announce(query_of(2, 5));
  now += seconds(50);
  registry.expire(now);
  EXPECT_EQ(registry.peer_count(), 2u);  // 150 s is exactly the lifetime
  now += seconds(1);
  registry.expire(now);
  EXPECT_EQ(registry.peer_count(), 1u);
  EXPECT_EQ(registry.scrape(hash_of(1))->seeders, 0u);
  now += seconds(1000);
  registry.expire(now);
  EXPECT_EQ(registry.peer_count(), 0u);
  EXPECT_EQ(registry.swarm_count(), 0u);
}

TEST_F(RegistryTest, NumwantIsObeyedAndCapped) {
  for (int i = 1; i <= 300; ++i) announce(query_of(i, 5));
  AnnounceQuery query = query_of(500, 5);
  EXPECT_EQ(announce(query).peers.size(), 50u);
  for (const auto& [wanted, got] :
       std::map<std::uint32_t, std::size_t>{{0, 0}, {1, 1}, {77, 77}, {5000, 200}}) {
    query.numwant = wanted;
    EXPECT_EQ(announce(query).peers.size(), got);
  }
}

TEST_F(RegistryTest, EveryPeerIsGivenOutAboutEquallyOften) {
  for (int i = 1; i <= 100; ++i) announce(query_of(i, i <= 10 ? 0 : 5));
  AnnounceQuery query = query_of(500, 5);
  query.numwant = 10;
  std::map<std::string, int> times;
  for (int round = 0; round < 2000; ++round) {
    const auto given = peers(announce(query));
    EXPECT_EQ(std::set<std::string>(given.begin(), given.end()).size(), 10u);
    for (const std::string& peer : given) ++times[peer];
  }
  EXPECT_EQ(times.size(), 100u);
  for (const auto& [peer, count] : times) {
    EXPECT_GT(count, 120) << peer;  // 200 expected, standard deviation 13
    EXPECT_LT(count, 280) << peer;
  }
}

TEST_F(RegistryTest, TheSameSeedGivesTheSamePeers) {
  for (int i = 1; i <= 100; ++i) announce(query_of(i, 5));
  Random one(7);
  Random two(7);
  EXPECT_EQ(peers(*registry.announce(query_of(1, 5), address("10.0.0.1"), now, one)),
            peers(*registry.announce(query_of(1, 5), address("10.0.0.1"), now, two)));
}

TEST_F(RegistryTest, OnlyAllowedTorrentsAreKnown) {
  announce(query_of(1, 5));
  registry.allow_only({hash_of(2), hash_of(3)});
  EXPECT_EQ(registry.peer_count(), 0u);
  EXPECT_THAT(refusal(query_of(1, 5)), HasSubstr("not registered"));
  EXPECT_FALSE(registry.scrape(hash_of(1)));
  EXPECT_TRUE(registry.scrape(hash_of(2)));
  AnnounceQuery allowed = query_of(1, 5);
  allowed.info_hash = hash_of(2);
  announce(allowed);
  EXPECT_EQ(registry.info_hashes(), (std::vector<InfoHash>{hash_of(2), hash_of(3)}));
}

TEST_F(RegistryTest, AllowedTorrentsKeepTheirCountOfCompletionsWithoutPeers) {
  registry.allow_only({hash_of(1)});
  announce(query_of(1, 0, AnnounceEvent::completed));
  now += seconds(1000);
  registry.expire(now);
  EXPECT_EQ(registry.peer_count(), 0u);
  EXPECT_EQ(registry.scrape(hash_of(1))->completed, 1u);
}

TEST_F(RegistryTest, MoreTorrentsThanTheLimitAreRefusedUntilOneEmpties) {
  for (int i = 1; i <= 4; ++i) {
    AnnounceQuery query = query_of(1, 5);
    query.info_hash = hash_of(i);
    if (i <= 3) announce(query);
    if (i == 4) {
      EXPECT_THAT(refusal(query), HasSubstr("no room"));
    }
  }
  now += seconds(1000);
  registry.expire(now);
  announce(query_of(1, 5));
}

TEST_F(RegistryTest, MorePeersThanTheLimitAreRefusedButKnownOnesAreServed) {
  for (int i = 1; i <= 1000; ++i) announce(query_of(i, 5));
  EXPECT_THAT(refusal(query_of(1001, 5)), HasSubstr("no room"));
  EXPECT_EQ(announce(query_of(1000, 5)).peers.size(), 50u);
  announce(query_of(1000, 5, AnnounceEvent::stopped));
  announce(query_of(1001, 5));
}

TEST_F(RegistryTest, CountsStayTrueThroughRandomHistories) {
  struct Model {
    std::uint64_t left;
    TimePoint seen;
  };
  std::map<int, Model> model;
  for (int step = 0; step < 20000; ++step) {
    const int peer = static_cast<int>(random() % 60);
    const std::uint64_t left = random() % 2;
    if (random() % 4 == 0) {
      announce(query_of(peer, left, AnnounceEvent::stopped));
      model.erase(peer);
    } else {
      announce(query_of(peer, left));
      model[peer] = {left, now};
    }
    now += seconds(random() % 8);
    registry.expire(now);
    std::erase_if(model, [&](const auto& item) { return item.second.seen < now - registry.lifetime(); });
    ASSERT_EQ(registry.peer_count(), model.size()) << step;
    const auto counts = registry.scrape(hash_of(1)).value_or(SwarmCounts{});
    const auto seeders = std::ranges::count_if(model, [](const auto& item) { return item.second.left == 0; });
    ASSERT_EQ(counts.seeders, seeders) << step;
    ASSERT_EQ(counts.seeders + counts.leechers, model.size()) << step;
  }
}

TEST(RandomSubset, IsASetOfTheSizeAskedFor) {
  std::mt19937_64 random(1);
  for (std::uint32_t bound = 0; bound < 12; ++bound) {
    for (std::uint32_t count = 0; count < 14; ++count) {
      const auto drawn = random_subset(bound, count, random);
      const std::set<std::uint32_t> distinct(drawn.begin(), drawn.end());
      EXPECT_EQ(drawn.size(), std::min(bound, count));
      EXPECT_EQ(distinct.size(), drawn.size());
      EXPECT_TRUE(distinct.empty() || *distinct.rbegin() < bound);
    }
  }
}

}  // namespace
}  // namespace ezio::tracker
