#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "bt/wire/announce.hpp"
#include "service_fixture.hpp"

namespace ezio::tracker {
namespace {

using std::chrono::seconds;
using test::announce_target;
using test::encoded;
using test::info_hash_of;
using test::make_torrent;
using test::report;
using test::ServiceTest;
using test::some_hash;
using testing::HasSubstr;
using testing::Not;

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
  look();
  now += seconds(7);
  get(announce_target(encoded(info_hash_of(make_torrent("a"))), 'a', 1001, "&left=0"));
  get("/announce");
  const Reply reply = get("/stats");
  EXPECT_EQ(reply.content_type, "application/json");
  const auto all = boost::json::parse(reply.body);
  EXPECT_EQ(all.at("uptime_s").as_int64(), 7);
  EXPECT_EQ(all.at("announces").as_int64(), 2);
  EXPECT_EQ(all.at("announces_refused").as_int64(), 1);
  EXPECT_EQ(all.at("peers").as_int64(), 1);
  const auto& torrent = all.at("torrents").as_array().at(0);
  EXPECT_EQ(torrent.at("file").as_string(), "a.torrent");
  EXPECT_EQ(torrent.at("seeders").as_int64(), 1);
  EXPECT_EQ(torrent.at("leechers").as_int64(), 0);
  EXPECT_EQ(torrent.at("info_hash").as_string().size(), 40u);
}

TEST_F(ServiceTest, OtherPathsAreNotFound) {
  for (const std::string target : {"", "announce", "/announce/", "/statsx", "/torrents/", "/index.html",
                                   "/room", "/torrents/a.torrent", "http://host/announce", "/../announce"}) {
    EXPECT_EQ(get_open(target).status, 404u) << target;
  }
}

TEST_F(ServiceTest, TorrentsAreListedAndServed) {
  write("a b.torrent", make_torrent("a"));
  write("c.torrent", make_torrent("c"));
  write("bad.torrent", "x");
  look();
  EXPECT_EQ(get("/torrents/").body, "a b.torrent\nc.torrent\n");
  const Reply reply = get("/torrents/a%20b.torrent");
  ASSERT_TRUE(reply.slice);
  EXPECT_EQ(reply.length(), make_torrent("a").size());
  EXPECT_EQ(reply.content_type, "application/x-bittorrent");
  EXPECT_EQ(get("/torrents/bad.torrent").status, 404u);
  EXPECT_EQ(get("/torrents/%zz").status, 400u);
}

TEST_F(ServiceTest, NothingOutsideTheDirectoryIsServed) {
  write("secret.torrent", make_torrent("secret"));
  write("a.torrent", make_torrent("a"));
  look();
  for (const std::string name :
       {"../secret.torrent", "..%2fsecret.torrent", "%2e%2e/secret.torrent", "./a.torrent", "a.torrent/",
        "in/../a.torrent", "/etc/passwd", "%2fetc%2fpasswd", "a.torrent%00", "a.torrent%00.torrent"}) {
    EXPECT_EQ(get("/torrents/" + name).status, 404u) << name;
  }
  EXPECT_EQ(get("/torrents/a.torrent").status, 200u);
}

TEST_F(ServiceTest, WithADirectoryOnlyItsTorrentsAreAccepted) {
  write("a.torrent", make_torrent("a"));
  look();
  EXPECT_THAT(get(announce_target(some_hash, 'a', 1001)).body, HasSubstr("not registered"));
  EXPECT_THAT(get(announce_target(encoded(info_hash_of(make_torrent("a"))), 'a', 1001)).body,
              Not(HasSubstr("failure")));
}

TEST_F(ServiceTest, ATorrentThatIsDeletedGoesWithItsHosts) {
  write("a.torrent", make_torrent("a"));
  look();
  get(announce_target(encoded(info_hash_of(make_torrent("a"))), 'a', 1001));
  EXPECT_EQ(stats(with_dir).at("torrents").as_array().size(), 1u);
  std::filesystem::remove(path / "a.torrent");
  look();
  EXPECT_EQ(stats(with_dir).at("torrents").as_array().size(), 0u);
  EXPECT_EQ(get("/torrents/a.torrent").status, 404u);
}

TEST_F(ServiceTest, TickForgetsSilentPeers) {
  get_open(announce_target(some_hash, 'a', 1001));
  now += seconds(1000);
  tick(open);
  EXPECT_EQ(stats(open).at("peers").as_int64(), 0);
}

TEST_F(ServiceTest, EveryReplySaysHowOftenOurPeersReport) {
  for (const std::string more : {"", "&event=stopped", "&compact=0"}) {
    const auto reply =
        parse_announce_reply(as_bytes(get_open(announce_target(some_hash, 'a', 1001, more)).body));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->report_interval, seconds(5));
  }
}

TEST_F(ServiceTest, StatsShowWhatHostsReport) {
  get_open(announce_target(some_hash, 'a', 1001, report + "&uploaded=7&downloaded=8"));
  now += seconds(2);
  const auto all = stats(open);
  EXPECT_EQ(all.at("report_interval_s").as_int64(), 5);
  EXPECT_EQ(all.at("summary").as_string(), "0 of 1 done");
  const auto& torrent = all.at("torrents").at(0);
  EXPECT_EQ(torrent.at("counts").at("leeching").as_int64(), 1);
  EXPECT_EQ(torrent.at("counts").at("lost").as_int64(), 0);
  EXPECT_EQ(torrent.at("down_bytes_per_s").as_int64(), 1000);
  EXPECT_TRUE(torrent.at("size_bytes").is_null());
  EXPECT_TRUE(torrent.at("expected").is_null());
  EXPECT_DOUBLE_EQ(torrent.at("eta_s").as_double(), 0.05);
  const auto& host = torrent.at("hosts").at(0);
  EXPECT_EQ(host.at("name").as_string(), "lab-07");
  EXPECT_EQ(host.at("address").as_string(), "10.0.0.1");
  EXPECT_EQ(host.at("state").as_string(), "leeching");
  EXPECT_EQ(host.at("have").as_int64(), 50);
  EXPECT_DOUBLE_EQ(host.at("progress").as_double(), 0.5);
  EXPECT_EQ(host.at("uploaded").as_int64(), 7);
  EXPECT_EQ(host.at("map").as_string(), "_w");
  EXPECT_TRUE(host.at("finished").is_null());
  EXPECT_TRUE(host.at("reports").as_bool());
  EXPECT_NEAR(host.at("last_seen").as_double(), unix_now(now) - 2, 0.01);
  EXPECT_EQ(
      host.at("targets").at(0),
      (boost::json::object{
          {"path", "/dev/sda"}, {"model", "M"}, {"serial", "S"}, {"state", "leeching"}, {"error", ""}}));
}

TEST_F(ServiceTest, AReportThatIsNoneIsCountedAndTheAnnounceAnswered) {
  EXPECT_THAT(get_open(announce_target(some_hash, 'a', 1001, "&state=resting")).body,
              Not(HasSubstr("failure")));
  EXPECT_EQ(stats(open).at("reports_refused").as_int64(), 1);
  EXPECT_FALSE(stats(open).at("torrents").at(0).at("hosts").at(0).at("reports").as_bool());
}

const std::string hostile =
    "&state=failed&left=1&host=%3Cscript%3Ealert(1)%3C/script%3E%22%27%26&error=a%5C%22b%0Ac%E2%80%AE"
    "&target=%3C!--rows--%3E%3C!--summary--%3E";

TEST_F(ServiceTest, ThePageShowsTextOfHostsAsText) {
  get_open(announce_target(some_hash, 'a', 1001, hostile));
  const Reply page = get_open("/");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(page.body, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
  EXPECT_THAT(page.body, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page.body, HasSubstr("&lt;!--rows--&gt;&lt;!--summary--&gt;"));
  EXPECT_THAT(page.headers, HasSubstr("Content-Security-Policy: default-src 'none'"));
  EXPECT_THAT(page.headers, Not(HasSubstr("unsafe")));
}

TEST_F(ServiceTest, ThePageAndItsFilesAreServedWithTheirTypes) {
  EXPECT_EQ(get_open("/room.css").content_type, "text/css; charset=utf-8");
  EXPECT_EQ(get_open("/room.js").content_type, "text/javascript; charset=utf-8");
  EXPECT_THAT(get_open("/?sort=name").body, HasSubstr("<html"));
  EXPECT_EQ(get_open("/index.html").status, 404u);
  // Every module that one of them imports is there, and is one of those that the index preloads.
  const std::string index = get_open("/").body;
  const std::regex import("from '\\./([a-z_]+\\.js)'");
  std::vector<std::string> modules{"room.js"};
  for (std::size_t i = 0; i < modules.size(); ++i) {
    EXPECT_THAT(index, HasSubstr("=\"" + modules[i] + "\""));
    const Reply module = get_open("/" + modules[i]);
    EXPECT_EQ(module.content_type, "text/javascript; charset=utf-8") << modules[i];
    for (std::sregex_iterator at(module.body.begin(), module.body.end(), import), end; at != end; ++at) {
      if (std::ranges::find(modules, at->str(1)) == modules.end()) modules.push_back(at->str(1));
    }
  }
  EXPECT_GT(modules.size(), 10u);
}

TEST_F(ServiceTest, MetricsEscapeWhatHostsSay) {
  get_open(announce_target(some_hash, 'a', 1001, hostile));
  const Reply reply = get_open("/metrics");
  EXPECT_EQ(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(reply.body, HasSubstr("host=\"<script>alert(1)</script>\\\"'&\""));
  EXPECT_THAT(reply.body, HasSubstr("ezio_tracker_announces_total 1\n"));
  EXPECT_THAT(reply.body, HasSubstr(",state=\"failed\"} 1\n"));
}

TEST_F(ServiceTest, HealthIsForEverybody) {
  EXPECT_EQ(get_open("/healthz").body, "ok\n");
}

TEST_F(ServiceTest, ATokenGuardsAllButWhatPeersNeed) {
  ServiceOptions options;
  options.token = "secret-token";
  Service guarded(options, 1, TorrentShelf(path.string()), now);
  for (const std::string target : {"/", "/room.js", "/stats", "/metrics", "/events", "/stats?token=",
                                   "/nothing", "/stats?token=secret-tokem", "/stats?token=secret-token2"}) {
    const Reply reply = ask(guarded, target);
    EXPECT_EQ(reply.status, 401u) << target;
    EXPECT_THAT(reply.headers, HasSubstr("WWW-Authenticate: Basic")) << target;
  }
  for (const std::string target : {"/announce", "/scrape", "/torrents/", "/healthz"}) {
    EXPECT_EQ(ask(guarded, target).status, 200u) << target;
  }
  EXPECT_EQ(ask(guarded, "/stats", "Bearer secret-token").status, 200u);
  EXPECT_EQ(ask(guarded, "/stats", "bearer secret-token").status, 200u);
  EXPECT_EQ(ask(guarded, "/stats", "Basic YWRtaW46c2VjcmV0LXRva2Vu").status, 200u);  // admin:secret-token
  EXPECT_EQ(ask(guarded, "/stats", "Basic c2VjcmV0LXRva2VuOg==").status, 401u);      // as the user's name
  EXPECT_EQ(ask(guarded, "/stats", "", "a=b; ezio_token=secret-token; c=d").status, 200u);
  EXPECT_EQ(ask(guarded, "/stats", "", "x_ezio_token=secret-token").status, 401u);
  EXPECT_EQ(ask(guarded, "/stats?token=secret-token").status, 200u);
}

TEST_F(ServiceTest, ATokenInThePagesAddressBecomesACookie) {
  ServiceOptions options;
  options.token = "secret-token";
  Service guarded(options, 1, std::nullopt, now);
  const Reply reply = ask(guarded, "/?token=secret-token");
  EXPECT_EQ(reply.status, 303u);
  EXPECT_THAT(reply.headers, HasSubstr("Location: ./\r\n"));
  EXPECT_THAT(reply.headers,
              HasSubstr("Set-Cookie: ezio_token=secret-token; Path=/; HttpOnly; SameSite=Strict\r\n"));
}

TEST_F(ServiceTest, AHostOnTheServersLoopbackIsHandedOutByTheServersAddress) {
  const auto from = [&](const char* source, char peer, int port) {
    const std::string target = announce_target(some_hash, peer, port, "&left=5");
    const Request request{
        target, *parse_endpoint(source), [] { return *parse_endpoint("192.0.2.1:6969"); }, {}, {}};
    return parse_announce_reply(as_bytes(open.answer(request, {now, 0}).body)).value().peers;
  };
  from("127.0.0.1:5000", 'a', 1001);
  EXPECT_EQ(from("127.0.0.1:5001", 'b', 1002), std::vector<Endpoint>{*parse_endpoint("127.0.0.1:1001")});
  EXPECT_THAT(
      from("10.0.0.7:5000", 'c', 1003),
      testing::UnorderedElementsAre(*parse_endpoint("192.0.2.1:1001"), *parse_endpoint("192.0.2.1:1002")));
  from("10.0.0.7:5000", 'c', 1003);
  EXPECT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines,
              testing::Contains("a peer that announced from 127.0.0.1:1001 is handed out as 192.0.2.1:1001"));
}

TEST_F(ServiceTest, AHostOnLoopbackIsNotHandedOutWhereNobodyCouldReachIt) {
  const std::string seeder = announce_target(some_hash, 'a', 1001, "&left=0");
  const auto nowhere = [] { return Endpoint{}; };
  open.answer({seeder, *parse_endpoint("127.0.0.1:5000"), nowhere, {}, {}}, {now, 0});
  const std::string leecher = announce_target(some_hash, 'b', 1002);
  const Reply reply = open.answer({leecher, *parse_endpoint("10.0.0.7:5000"), nowhere, {}, {}}, {now, 0});
  EXPECT_TRUE(parse_announce_reply(as_bytes(reply.body)).value().peers.empty());
  EXPECT_THAT(lines, testing::ElementsAre(HasSubstr("is not handed out")));
}

TEST_F(ServiceTest, WhatIsDearToMakeIsMadeSoOftenASecond) {
  for (const std::string target : {"/stats", "/metrics", "/", "/scrape"}) {
    tick(open);
    std::shared_ptr<const std::string> shared;
    int fresh = 0;
    for (int i = 0; i < 100; ++i) {
      const Reply reply = get_open(target);
      EXPECT_EQ(reply.status, 200u);
      EXPECT_GT(reply.length(), 0u);
      if (!reply.shared) ++fresh;
      if (reply.shared) shared = reply.shared;
    }
    EXPECT_LE(fresh, 10) << target;
    EXPECT_GE(shared.use_count(), 2) << target << " is kept once for all";
    tick(open);
    EXPECT_FALSE(get_open(target).shared) << target;
  }
}

}  // namespace
}  // namespace ezio::tracker
