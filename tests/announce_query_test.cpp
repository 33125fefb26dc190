#include "tracker/announce_query.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ezio::tracker {
namespace {

using testing::HasSubstr;

const std::string minimal = "info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=6881";

AnnounceQuery parsed(const std::string& query) {
  const auto result = parse_announce_query(query);
  EXPECT_TRUE(result) << query << ": " << (result ? "" : result.error().message);
  return result ? *result : AnnounceQuery{};
}

std::string error_of(const std::string& query) {
  const auto result = parse_announce_query(query);
  return result ? "" : result.error().message;
}

TEST(AnnounceQuery, ReadsWhatOurOwnPeerAsks) {
  AnnounceRequest request;
  for (std::size_t i = 0; i < 20; ++i) {
    request.info_hash.bytes[i] = static_cast<std::byte>(i * 13);
    request.peer_id.bytes[i] = static_cast<std::byte>(255 - i);
  }
  request.port = 65535;
  request.uploaded = 1;
  request.downloaded = 2;
  request.left = std::uint64_t{1} << 62;
  request.event = AnnounceEvent::completed;
  request.numwant = 7;
  request.key = 0xABCD;
  const std::string url = announce_url("http://t/announce", request);
  const auto query = parsed(url.substr(url.find('?') + 1));
  EXPECT_EQ(query.info_hash, request.info_hash);
  EXPECT_EQ(query.peer_id, request.peer_id);
  EXPECT_EQ(query.port, 65535);
  EXPECT_EQ(query.uploaded, 1u);
  EXPECT_EQ(query.downloaded, 2u);
  EXPECT_EQ(query.left, std::uint64_t{1} << 62);
  EXPECT_EQ(query.event, AnnounceEvent::completed);
  EXPECT_EQ(query.numwant, 7u);
  EXPECT_EQ(query.key, "0000ABCD");
  EXPECT_TRUE(query.compact);
}

TEST(AnnounceQuery, WhatIsNotSaidHasDefaults) {
  const auto query = parsed(minimal);
  EXPECT_GT(query.left, 0u);
  EXPECT_EQ(query.event, AnnounceEvent::none);
  EXPECT_FALSE(query.numwant);
  EXPECT_TRUE(query.compact);
  EXPECT_FALSE(query.no_peer_id);
  EXPECT_EQ(query.key, "");
}

TEST(AnnounceQuery, ReadsFlagsAndEvents) {
  EXPECT_FALSE(parsed(minimal + "&compact=0").compact);
  EXPECT_TRUE(parsed(minimal + "&no_peer_id=1").no_peer_id);
  EXPECT_EQ(parsed(minimal + "&event=started").event, AnnounceEvent::started);
  EXPECT_EQ(parsed(minimal + "&event=stopped").event, AnnounceEvent::stopped);
  EXPECT_EQ(parsed(minimal + "&event=").event, AnnounceEvent::none);
  EXPECT_EQ(parsed(minimal + "&event=paused").event, AnnounceEvent::none);
  EXPECT_THAT(error_of(minimal + "&event=explode"), HasSubstr("event 'explode'"));
}

TEST(AnnounceQuery, NumwantMayBeNegativeOrHuge) {
  EXPECT_FALSE(parsed(minimal + "&numwant=-1").numwant);
  EXPECT_EQ(parsed(minimal + "&numwant=0").numwant, 0u);
  EXPECT_EQ(parsed(minimal + "&numwant=99999999999").numwant, UINT32_MAX);
}

TEST(AnnounceQuery, LeftHas64Bits) {
  EXPECT_EQ(parsed(minimal + "&left=18446744073709551615").left, UINT64_MAX);
  EXPECT_EQ(parsed(minimal + "&left=4294967296").left, std::uint64_t{1} << 32);
  EXPECT_EQ(parsed(minimal + "&left=0").left, 0u);
}

TEST(AnnounceQuery, NumbersOutOfRangeAreNamed) {
  EXPECT_THAT(error_of(minimal + "&left=18446744073709551616"), HasSubstr("left '18446744073709551616'"));
  for (const char* bad : {"left=-1", "left=", "left=1x", "left=0x10", "left=%201", "uploaded=-1",
                          "downloaded=a", "numwant=many", "left=+1"}) {
    EXPECT_NE(error_of(minimal + "&" + bad), "") << bad;
  }
}

TEST(AnnounceQuery, PortsThatCannotBeConnectedToAreRefused) {
  const std::string head = "info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=";
  for (const char* port : {"0", "65536", "-1", "", "x"})
    EXPECT_THAT(error_of(head + port), HasSubstr("port")) << port;
}

TEST(AnnounceQuery, RequiredParametersAreNamedWhenMissing) {
  EXPECT_THAT(error_of(""), HasSubstr("info_hash is missing"));
  EXPECT_THAT(error_of("info_hash=aaaaaaaaaaaaaaaaaaaa"), HasSubstr("peer_id is missing"));
  EXPECT_THAT(error_of("info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb"),
              HasSubstr("port is missing"));
}

TEST(AnnounceQuery, DigestsOfAWrongLengthAreRefused) {
  EXPECT_THAT(error_of("info_hash=aaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=1"),
              HasSubstr("has 3 bytes, not 20"));
  EXPECT_THAT(error_of("info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbbb&port=1"),
              HasSubstr("21"));
}

TEST(AnnounceQuery, ForeignBytesAreEscapedInErrors) {
  EXPECT_THAT(error_of("info_hash=%0A%1b&peer_id=b&port=1"), HasSubstr("'\\x0a\\x1b'"));
}

TEST(AnnounceQuery, BrokenPercentEncodingIsRefused) {
  for (const char* bad : {"x=%", "x=%4", "x=%zz", "%g0=1", "x=%4g", "x=% 1"}) {
    EXPECT_NE(error_of(minimal + "&" + bad), "") << bad;
  }
}

TEST(AnnounceQuery, IgnoresUnknownEmptyAndRepeatedParameters) {
  const auto query = parsed("&&ip=10.0.0.1&ipv6=::1&=5&supportcrypto&" + minimal + "&port=1&left=5&left=0&");
  EXPECT_EQ(query.port, 6881);
  EXPECT_EQ(query.left, 5u);
}

TEST(AnnounceQuery, EveryTruncationIsAnswered) {
  const std::string query = minimal + "&left=5&event=started&key=%41%42&compact=1";
  for (std::size_t length = 0; length < query.size(); ++length) {
    const auto result = parse_announce_query(query.substr(0, length));
    EXPECT_TRUE(result || !result.error().message.empty()) << length;
  }
}

TEST(AnnounceQuery, ALongKeyIsCut) {
  EXPECT_EQ(parsed(minimal + "&key=" + std::string(999, 'k')).key.size(), 64u);
}

TEST(AnnounceQuery, AStateIsTheMarkOfAReport) {
  EXPECT_FALSE(parsed(minimal + "&host=a").reports);
  EXPECT_TRUE(parsed(minimal + "&state=leeching").reports);
}

TEST(AnnounceQuery, APlusIsASpace) {
  EXPECT_EQ(parsed(minimal + "&key=a+b%2B").key, "a b+");
}

TEST(ScrapeQuery, TakesSeveralHashes) {
  const auto hashes =
      parse_scrape_query("info_hash=aaaaaaaaaaaaaaaaaaaa&x=1&info_hash=%00aaaaaaaaaaaaaaaaaaa");
  ASSERT_TRUE(hashes);
  ASSERT_EQ(hashes->size(), 2u);
  EXPECT_EQ((*hashes)[0].bytes[0], std::byte{'a'});
  EXPECT_EQ((*hashes)[1].bytes[0], std::byte{0});
}

TEST(ScrapeQuery, HasALimit) {
  std::string query;
  for (std::size_t i = 0; i < max_scrape_hashes; ++i) query += "info_hash=aaaaaaaaaaaaaaaaaaaa&";
  EXPECT_TRUE(parse_scrape_query(query));
  EXPECT_FALSE(parse_scrape_query(query + "info_hash=aaaaaaaaaaaaaaaaaaaa"));
  EXPECT_FALSE(parse_scrape_query("info_hash=a"));
}

}  // namespace
}  // namespace ezio::tracker
