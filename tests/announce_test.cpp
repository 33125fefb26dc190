#include "bt/wire/announce.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ezio {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string bstring(std::string_view text) {
  return std::to_string(text.size()) + ":" + std::string(text);
}

AnnounceReply parsed(std::string_view body) {
  const auto reply = parse_announce_reply(as_bytes(body));
  EXPECT_TRUE(reply) << (reply ? "" : reply.error().message);
  return reply ? *reply : AnnounceReply{};
}

std::string error_of(std::string_view body) {
  const auto reply = parse_announce_reply(as_bytes(body));
  return reply ? "" : reply.error().message;
}

std::vector<std::string> texts(const std::vector<Endpoint>& peers) {
  std::vector<std::string> out;
  for (const Endpoint& peer : peers) out.push_back(to_string(peer));
  return out;
}

AnnounceRequest sample_request() {
  AnnounceRequest request;
  request.info_hash.bytes.fill(std::byte{0x26});  // '&'
  request.peer_id.bytes.fill(std::byte{0x00});
  request.port = 6881;
  request.uploaded = 1;
  request.downloaded = 2;
  request.left = std::uint64_t{1} << 40;
  request.numwant = 99;
  request.key = 0xBEEF;
  return request;
}

std::string repeated(std::string_view text, int times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

TEST(AnnounceUrl, NamesEverythingTheTrackerNeeds) {
  EXPECT_EQ(announce_url("http://t:80/announce", sample_request()),
            "http://t:80/announce?info_hash=" + repeated("%26", 20) + "&peer_id=" + repeated("%00", 20) +
                "&port=6881&uploaded=1&downloaded=2&left=1099511627776&compact=1&numwant=99&key=0000BEEF");
}

TEST(AnnounceUrl, SaysTheEvent) {
  AnnounceRequest request = sample_request();
  EXPECT_THAT(announce_url("http://t/a", request), Not(HasSubstr("event")));
  request.event = AnnounceEvent::started;
  EXPECT_THAT(announce_url("http://t/a", request), HasSubstr("&event=started"));
  request.event = AnnounceEvent::completed;
  EXPECT_THAT(announce_url("http://t/a", request), HasSubstr("&event=completed"));
  request.event = AnnounceEvent::stopped;
  EXPECT_THAT(announce_url("http://t/a", request), HasSubstr("&event=stopped"));
}

TEST(AnnounceUrl, JoinsWhateverTheTrackerUrlHasAlready) {
  const auto stem = [](std::string_view tracker) {
    const std::string url = announce_url(tracker, sample_request());
    return url.substr(0, url.find("info_hash="));
  };
  EXPECT_EQ(stem("http://t/announce?key=1"), "http://t/announce?key=1&");
  EXPECT_EQ(stem("http://t/announce?key=1&"), "http://t/announce?key=1&");
  EXPECT_EQ(stem("http://t/announce?"), "http://t/announce?");
  EXPECT_EQ(stem("http://t/announce#top"), "http://t/announce?");
  EXPECT_EQ(stem("http://t"), "http://t/?");
  EXPECT_EQ(stem("http://t?x=/"), "http://t/?x=/&");
  EXPECT_EQ(stem("http://[::1]:80"), "http://[::1]:80/?");
}

TEST(AnnounceUrl, CarriesTheReportOfTheHost) {
  HostReport report;
  report.host = "lab 7";
  report.state = HostState::seeding;
  const std::string plain = announce_url("http://t/a", sample_request());
  EXPECT_EQ(announce_url("http://t/a", sample_request(), &report), plain + "&host=lab%207&state=seeding");
}

TEST(AnnounceReply, OnlyOurTrackersAskForReports) {
  EXPECT_EQ(parsed("d8:intervali60ee").report_interval, std::nullopt);
  EXPECT_EQ(parsed("d15:report intervali5ee").report_interval, seconds(5));
  EXPECT_EQ(parsed("d15:report intervali0ee").report_interval, seconds(1));
  EXPECT_EQ(parsed("d15:report intervali99999ee").report_interval, seconds(3600));
  EXPECT_EQ(parsed("d15:report interval1:5e").report_interval, std::nullopt);
}

TEST(AnnounceReply, ReadsCompactPeersOfBothFamilies) {
  const std::string v4("\x7f\0\0\x01\x1a\xe1\x0a\0\0\x02\0\x50", 12);
  const std::string v6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe1", 18);
  const auto reply = parsed("d8:completei3e10:incompletei4e8:intervali120e12:min intervali30e5:peers" +
                            bstring(v4) + "6:peers6" + bstring(v6) + "e");
  EXPECT_THAT(texts(reply.peers), ElementsAre("127.0.0.1:6881", "10.0.0.2:80", "[2001:db8::1]:6881"));
  EXPECT_EQ(reply.interval, seconds(120));
  EXPECT_EQ(reply.min_interval, seconds(30));
  EXPECT_EQ(reply.seeders, 3u);
  EXPECT_EQ(reply.leechers, 4u);
}

TEST(AnnounceReply, ReadsPeersAsDictionariesAndSkipsWhatIsNoAddress) {
  const auto reply = parsed(
      "d8:intervali9e5:peersl"
      "d2:ip9:127.0.0.14:porti1ee"
      "d2:ip3:::17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti2ee"
      "d2:ip11:example.com4:porti3ee"
      "d2:ip9:127.0.0.14:porti0ee"
      "d2:ip9:127.0.0.14:porti65536ee"
      "d2:ip9:127.0.0.14:porti-1ee"
      "d2:ip9:127.0.0.1e"
      "d4:porti5ee"
      "i7e"
      "d2:ipi1e4:port1:5e"
      "ee");
  EXPECT_THAT(texts(reply.peers), ElementsAre("127.0.0.1:1", "[::1]:2"));
}

TEST(AnnounceReply, NeedsNothingButADictionary) {
  const auto reply = parsed("de");
  EXPECT_EQ(reply.interval, seconds(60));
  EXPECT_EQ(reply.min_interval, seconds(0));
  EXPECT_FALSE(reply.seeders);
  EXPECT_FALSE(reply.leechers);
  EXPECT_TRUE(reply.peers.empty());
}

TEST(AnnounceReply, ClampsIntervals) {
  EXPECT_EQ(parsed("d8:intervali0ee").interval, seconds(1));
  EXPECT_EQ(parsed("d8:intervali-5ee").interval, seconds(1));
  EXPECT_EQ(parsed("d8:intervali9223372036854775807ee").interval, seconds(86400));
  EXPECT_EQ(parsed("d8:interval2:60e").interval, seconds(60));
  EXPECT_EQ(parsed("d12:min intervali-1ee").min_interval, seconds(0));
  EXPECT_EQ(parsed("d12:min intervali9223372036854775807ee").min_interval, seconds(86400));
}

TEST(AnnounceReply, IgnoresCountsThatAreNone) {
  const auto reply = parsed("d8:completei-1e10:incompletei4294967296ee");
  EXPECT_FALSE(reply.seeders);
  EXPECT_FALSE(reply.leechers);
}

TEST(AnnounceReply, AFailureReasonIsTheError) {
  EXPECT_THAT(error_of("d14:failure reason9:go\naway\x1b[e"), HasSubstr("'go\\x0aaway\\x1b['"));
  EXPECT_THAT(error_of("d14:failure reason300:" + std::string(300, 'x') + "e"), HasSubstr("xxx..."));
  EXPECT_NE(error_of("d14:failure reasoni1ee"), "");
}

TEST(AnnounceReply, AWarningIsPrintable) {
  EXPECT_EQ(parsed("d15:warning message5:a\nb\x01"
                   "ce")
                .warning,
            "a\\x0ab\\x01c");
}

TEST(AnnounceReply, CompactListsOfAWrongLengthAreRefused) {
  for (const std::size_t length : {1, 5, 7, 13}) {
    EXPECT_THAT(error_of("d5:peers" + bstring(std::string(length, 'x')) + "e"), HasSubstr("multiple of 6"))
        << length;
  }
  for (const std::size_t length : {6, 17, 19}) {
    EXPECT_THAT(error_of("d6:peers6" + bstring(std::string(length, 'x')) + "e"), HasSubstr("multiple of 18"))
        << length;
  }
  EXPECT_THAT(error_of("d5:peersi1ee"), HasSubstr("peers"));
}

TEST(AnnounceReply, PortZeroIsDropped) {
  EXPECT_TRUE(parsed("d5:peers6:" + std::string("\x7f\0\0\x01\0\0", 6) + "e").peers.empty());
}

TEST(AnnounceReply, AMappedAddressInPeers6IsIpv4) {
  const std::string mapped("\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01\0\x05", 18);
  EXPECT_THAT(texts(parsed("d6:peers6" + bstring(mapped) + "e").peers), ElementsAre("10.0.0.1:5"));
}

TEST(AnnounceReply, OnlySoManyPeersAreTaken) {
  const std::string peers(6 * (max_announce_peers + 10), '\x01');
  EXPECT_EQ(parsed("d5:peers" + bstring(peers) + "e").peers.size(), max_announce_peers);
}

TEST(AnnounceReply, WhatIsNotBencodeIsRefusedAndQuoted) {
  EXPECT_THAT(error_of("<html><body>502 Bad Gateway</body></html>"), HasSubstr("'<html>"));
  EXPECT_THAT(error_of(""), HasSubstr("not bencode"));
  EXPECT_THAT(error_of("le"), HasSubstr("not a dictionary"));
  EXPECT_THAT(error_of("dejunk"), HasSubstr("not bencode"));
  EXPECT_THAT(error_of(std::string(1000000, 'l')), HasSubstr("not bencode"));
  EXPECT_NE(error_of(std::string(5 * MiB, '0')), "");
}

TEST(AnnounceReply, ATruncatedReplyIsRefusedWhereverItEnds) {
  const std::string body =
      "d8:completei3e8:intervali120e5:peers6:\x7f\x01\x01\x01\x1a\xe1"
      "e";
  EXPECT_EQ(error_of(body), "");
  for (std::size_t length = 0; length < body.size(); ++length) {
    EXPECT_NE(error_of(std::string_view(body).substr(0, length)), "") << length;
  }
}

}  // namespace
}  // namespace ezio
