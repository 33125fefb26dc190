#include "tracker/service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "bt/wire/announce.hpp"
#include "torrent_dir_fixture.hpp"

namespace ezio::tracker {
namespace {

using std::chrono::seconds;
using test::info_hash_of;
using test::make_torrent;
using testing::HasSubstr;
using testing::Not;

const std::string some_hash(20, 'h');

std::string announce_target(const std::string& hash, char peer, int port, const std::string& more = "") {
  return "/announce?info_hash=" + hash + "&peer_id=" + std::string(20, peer) +
         "&port=" + std::to_string(port) + more;
}

std::string encoded(const InfoHash& hash) {
  std::string out;
  for (const std::byte byte : hash.bytes) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    out += {'%', digits[std::to_integer<unsigned>(byte >> 4)],
            digits[std::to_integer<unsigned>(byte & std::byte{15})]};
  }
  return out;
}

class ServiceTest : public test::TorrentDirTest {
 protected:
  Reply get(const std::string& target) {
    return with_dir.answer(target, *parse_endpoint("10.0.0.1:40000"), now);
  }
  Reply get_open(const std::string& target) {
    return open.answer(target, *parse_endpoint("10.0.0.1:40000"), now);
  }
  static std::string content(Reply& reply) {
    boost::system::error_code error;
    std::string bytes(reply.file->size(error), '\0');
    reply.file->read(bytes.data(), bytes.size(), error);
    return bytes;
  }

  TimePoint now{seconds(1'000'000)};
  std::vector<std::string> reports;
  Service open{RegistryLimits{}, 1, std::nullopt, now};
  Service with_dir{RegistryLimits{}, 1,
                   TorrentDir(path.string(), [this](const std::string& line) { reports.push_back(line); }),
                   now};
};

TEST_F(ServiceTest, AnnouncesIntroducePeers) {
  get_open(announce_target(some_hash, 'a', 1001, "&left=0"));
  const auto reply = parse_announce_reply(as_bytes(get_open(announce_target(some_hash, 'b', 1002)).body));
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->peers.size(), 1u);
  EXPECT_EQ(to_string(reply->peers[0]), "10.0.0.1:1001");
  EXPECT_EQ(reply->seeders, 1u);
  EXPECT_EQ(reply->leechers, 1u);
}

TEST_F(ServiceTest, TheIpParameterIsNotBelieved) {
  get_open(announce_target(some_hash, 'a', 1001, "&left=0&ip=192.0.2.99"));
  EXPECT_THAT(get_open(announce_target(some_hash, 'b', 1002, "&compact=0")).body,
              HasSubstr("2:ip8:10.0.0.1"));
}

TEST_F(ServiceTest, BadAnnouncesGetAFailureReason) {
  for (const std::string target : {"/announce", "/announce?", "/announce?info_hash=x", "/announce?%"}) {
    const Reply reply = get_open(target);
    EXPECT_EQ(reply.status, 200u);
    EXPECT_THAT(reply.body, HasSubstr("d14:failure reason")) << target;
  }
}

TEST_F(ServiceTest, ScrapesCountTheTorrentsAskedForOrAll) {
  get_open(announce_target(some_hash, 'a', 1001, "&left=0&event=completed"));
  get_open(announce_target(std::string(20, 'i'), 'b', 1002));
  const std::string one = "20:" + some_hash + "d8:completei1e10:downloadedi1e10:incompletei0ee";
  const std::string two = "20:" + std::string(20, 'i') + "d8:completei0e10:downloadedi0e10:incompletei1ee";
  EXPECT_EQ(get_open("/scrape?info_hash=" + some_hash).body, "d5:filesd" + one + "ee");
  EXPECT_EQ(get_open("/scrape?info_hash=" + some_hash + "&info_hash=" + std::string(20, 'i')).body,
            "d5:filesd" + one + two + "ee");
  EXPECT_EQ(get_open("/scrape").body, "d5:filesd" + one + two + "ee");
  EXPECT_EQ(get_open("/scrape?info_hash=" + std::string(20, 'x')).body, "d5:filesdee");
  EXPECT_THAT(get_open("/scrape?info_hash=x").body, HasSubstr("failure reason"));
}

TEST_F(ServiceTest, StatsAreJson) {
  write("a.torrent", make_torrent("a"));
  ASSERT_TRUE(with_dir.load(now));
  now += seconds(7);
  get(announce_target(encoded(info_hash_of(make_torrent("a"))), 'a', 1001, "&left=0"));
  get("/announce");
  const Reply reply = get("/stats");
  EXPECT_EQ(reply.content_type, "application/json");
  const auto stats = boost::json::parse(reply.body);
  EXPECT_EQ(stats.at("uptime_s").as_int64(), 7);
  EXPECT_EQ(stats.at("announces").as_int64(), 2);
  EXPECT_EQ(stats.at("announces_refused").as_int64(), 1);
  EXPECT_EQ(stats.at("peers").as_int64(), 1);
  const auto& torrent = stats.at("torrents").as_array().at(0);
  EXPECT_EQ(torrent.at("file").as_string(), "a.torrent");
  EXPECT_EQ(torrent.at("seeders").as_int64(), 1);
  EXPECT_EQ(torrent.at("leechers").as_int64(), 0);
  EXPECT_EQ(torrent.at("info_hash").as_string().size(), 40u);
}

TEST_F(ServiceTest, OtherPathsAreNotFound) {
  for (const std::string target : {"/", "", "announce", "/announce/", "/statsx", "/torrents/",
                                   "/torrents/a.torrent", "http://host/announce", "/../announce"}) {
    EXPECT_EQ(get_open(target).status, 404u) << target;
  }
}

TEST_F(ServiceTest, TorrentsAreListedAndServed) {
  write("a b.torrent", make_torrent("a"));
  write("c.torrent", make_torrent("c"));
  write("bad.torrent", "x");
  ASSERT_TRUE(with_dir.load(now));
  EXPECT_EQ(get("/torrents/").body, "a b.torrent\nc.torrent\n");
  Reply reply = get("/torrents/a%20b.torrent");
  ASSERT_TRUE(reply.file);
  EXPECT_EQ(content(reply), make_torrent("a"));
  EXPECT_EQ(reply.content_type, "application/x-bittorrent");
  EXPECT_EQ(get("/torrents/bad.torrent").status, 404u);
  EXPECT_EQ(get("/torrents/%zz").status, 400u);
}

TEST_F(ServiceTest, NothingOutsideTheDirectoryIsServed) {
  std::filesystem::create_directory(path / "in");
  write("secret.torrent", make_torrent("secret"));
  write("in/a.torrent", make_torrent("a"));
  Service service(RegistryLimits{}, 1, TorrentDir((path / "in").string(), [](const std::string&) {}), now);
  ASSERT_TRUE(service.load(now));
  for (const std::string name :
       {"../secret.torrent", "..%2fsecret.torrent", "%2e%2e/secret.torrent", "./a.torrent", "a.torrent/",
        "in/../a.torrent", "/etc/passwd", "%2fetc%2fpasswd", "a.torrent%00", "a.torrent%00.torrent"}) {
    EXPECT_EQ(service.answer("/torrents/" + name, Endpoint{}, now).status, 404u) << name;
  }
  EXPECT_EQ(service.answer("/torrents/a.torrent", Endpoint{}, now).status, 200u);
}

TEST_F(ServiceTest, WithADirectoryOnlyItsTorrentsAreAccepted) {
  write("a.torrent", make_torrent("a"));
  ASSERT_TRUE(with_dir.load(now));
  EXPECT_THAT(get(announce_target(some_hash, 'a', 1001)).body, HasSubstr("not registered"));
  EXPECT_THAT(get(announce_target(encoded(info_hash_of(make_torrent("a"))), 'a', 1001)).body,
              Not(HasSubstr("failure")));
}

TEST_F(ServiceTest, ATorrentAddedLaterIsAcceptedWithinSeconds) {
  ASSERT_TRUE(with_dir.load(now));
  write("late.torrent", make_torrent("late"));
  now += seconds(2);
  EXPECT_EQ(get("/torrents/late.torrent").status, 200u);
  EXPECT_THAT(get(announce_target(encoded(info_hash_of(make_torrent("late"))), 'a', 1001)).body,
              Not(HasSubstr("failure")));
}

TEST_F(ServiceTest, ADirectoryThatCannotBeReadIsRefusedAtTheStart) {
  std::filesystem::remove_all(path);
  const auto loaded = with_dir.load(now);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr(path.string()));
}

TEST_F(ServiceTest, ADirectoryThatVanishesLaterIsReportedOnce) {
  write("a.torrent", make_torrent("a"));
  ASSERT_TRUE(with_dir.load(now));
  std::filesystem::remove_all(path);
  for (int i = 0; i < 5; ++i) {
    now += seconds(10);
    with_dir.tick(now);
  }
  EXPECT_EQ(reports.size(), 1u);
  EXPECT_EQ(get("/torrents/").body, "a.torrent\n");
  EXPECT_EQ(get("/torrents/a.torrent").status, 404u);
}

TEST_F(ServiceTest, TickForgetsSilentPeers) {
  get_open(announce_target(some_hash, 'a', 1001));
  now += seconds(1000);
  open.tick(now);
  EXPECT_EQ(boost::json::parse(get_open("/stats").body).at("peers").as_int64(), 0);
}

}  // namespace
}  // namespace ezio::tracker
