#include "tracker/announce_reply.hpp"

#include <gtest/gtest.h>

#include "bt/wire/announce.hpp"

namespace ezio::tracker {
namespace {

AnnounceOutcome sample() {
  AnnounceOutcome outcome;
  outcome.interval = std::chrono::seconds(60);
  outcome.min_interval = std::chrono::seconds(10);
  outcome.counts = {1, 2, 3};
  PeerId id;
  id.bytes.fill(std::byte{'p'});
  outcome.peers = {{id, *parse_endpoint("10.0.0.1:6881")}, {id, *parse_endpoint("[2001:db8::1]:80")}};
  return outcome;
}

void expect_sample(const std::string& body) {
  const auto reply = parse_announce_reply(as_bytes(body));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->interval, std::chrono::seconds(60));
  EXPECT_EQ(reply->min_interval, std::chrono::seconds(10));
  EXPECT_EQ(reply->seeders, 1u);
  EXPECT_EQ(reply->leechers, 2u);
  ASSERT_EQ(reply->peers.size(), 2u);
  EXPECT_EQ(to_string(reply->peers[0]), "10.0.0.1:6881");
  EXPECT_EQ(to_string(reply->peers[1]), "[2001:db8::1]:80");
}

TEST(TrackerReply, CompactPeersAreReadBack) {
  expect_sample(encode_announce_reply(sample(), true, false));
}

TEST(TrackerReply, DictionariesAreReadBack) {
  expect_sample(encode_announce_reply(sample(), false, false));
}

TEST(TrackerReply, PeerIdsAreLeftOutOnRequest) {
  const std::string with = encode_announce_reply(sample(), false, false);
  const std::string without = encode_announce_reply(sample(), false, true);
  EXPECT_NE(with.find("7:peer id20:pppppppppppppppppppp"), std::string::npos);
  EXPECT_EQ(without.find("peer id"), std::string::npos);
  expect_sample(without);
}

TEST(TrackerReply, KeysAreInOrder) {
  AnnounceOutcome outcome = sample();
  outcome.peers.clear();
  EXPECT_EQ(encode_announce_reply(outcome, true, true),
            "d8:completei1e10:downloadedi3e10:incompletei2e8:intervali60e12:min intervali10e5:peers0:e");
}

TEST(TrackerReply, AFailureIsReadBack) {
  const auto reply = parse_announce_reply(as_bytes(encode_failure("no")));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message, "tracker refuses: 'no'");
}

TEST(TrackerReply, AScrapeIsSortedAndWithoutRepetition) {
  InfoHash a;
  a.bytes.fill(std::byte{'a'});
  InfoHash b;
  b.bytes.fill(std::byte{'b'});
  EXPECT_EQ(encode_scrape_reply({{b, {1, 2, 3}}, {a, {}}, {b, {1, 2, 3}}}),
            "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei0e10:downloadedi0e10:incompletei0ee"
            "20:bbbbbbbbbbbbbbbbbbbbd8:completei1e10:downloadedi3e10:incompletei2eeee");
  EXPECT_EQ(encode_scrape_reply({}), "d5:filesdee");
}

}  // namespace
}  // namespace ezio::tracker
