// The tracker's server over real sockets on loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bt/net/http_client.hpp"
#include "bt/wire/announce.hpp"
#include "server_fixture.hpp"

namespace ezio::tracker {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::announce_target;
using test::Client;
using test::get;
using test::RunningServer;
using testing::HasSubstr;
using testing::StartsWith;

TEST(TrackerServer, AnswersOurOwnPeers) {
  const RunningServer server({"127.0.0.1:0"});
  AnnounceRequest request;
  request.left = 1;
  request.port = 7001;
  request.peer_id.bytes.fill(std::byte{1});
  ASSERT_TRUE(http_get(announce_url(server.url("/announce"), request), {}));
  request.port = 7002;
  request.peer_id.bytes.fill(std::byte{2});
  const auto body = http_get(announce_url(server.url("/announce"), request), {});
  ASSERT_TRUE(body) << body.error().message;
  const auto reply = parse_announce_reply(as_bytes(*body));
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->peers.size(), 1u);
  EXPECT_EQ(to_string(reply->peers[0]), "127.0.0.1:7001");
}

TEST(TrackerServer, KeepsConnectionsAlive) {
  const RunningServer server({"127.0.0.1:0"});
  Client client(server.port());
  for (int i = 0; i < 10; ++i) {
    client.send(get("/stats"));
    EXPECT_THAT(client.reply(), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  client.send("GET /stats HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.rest(), HasSubstr("Connection: close"));
}

TEST(TrackerServer, ClosesAfterAnHttp10RequestWithoutKeepAlive) {
  const RunningServer server({"127.0.0.1:0"});
  Client client(server.port());
  client.send("GET /stats HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.rest(), HasSubstr(" 200 OK\r\n"));
}

TEST(TrackerServer, AnswersPipelinedRequestsInOrder) {
  const RunningServer server({"127.0.0.1:0"});
  Client client(server.port());
  client.send(get("/scrape") + get("/nowhere") + get("/stats"));
  EXPECT_THAT(client.reply(), HasSubstr("d5:files"));
  EXPECT_THAT(client.reply(), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(client.reply(), HasSubstr("\"announces\""));
}

TEST(TrackerServer, ARequestMaySplitAtEveryByte) {
  const RunningServer server({"127.0.0.1:0"});
  const std::string request = get("/scrape");
  Client client(server.port());
  client.socket().set_option(tcp::no_delay(true));
  for (std::size_t at = 1; at < request.size(); ++at) {
    client.send(request.substr(0, at));
    client.send(request.substr(at));
    EXPECT_THAT(client.reply(), HasSubstr("d5:files")) << at;
  }
}

TEST(TrackerServer, WhatIsNotHttpGetsABadRequestAndIsClosed) {
  const RunningServer server({"127.0.0.1:0"});
  for (const std::string& garbage :
       {std::string("\x13"
                    "BitTorrent protocol"),
        std::string("hello\r\n\r\n"), std::string("GET /stats\r\n\r\n"), std::string("GET  HTTP/1.1\r\n\r\n"),
        std::string("GET /stats HTTP/9.9\r\n\r\n"), std::string("GET /stats HTTP/1.1\r\nno colon\r\n\r\n"),
        std::string("GET /\0stats HTTP/1.1\r\n\r\n", 24),
        std::string("GET /stats HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
        std::string("GET /stats HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde"),
        std::string("\r\n\r\n\r\n\r\n")}) {
    Client client(server.port());
    client.send(garbage);
    EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 400")) << garbage;
  }
}

TEST(TrackerServer, OtherMethodsAreNotAllowed) {
  const RunningServer server({"127.0.0.1:0"});
  for (const std::string method : {"POST", "PUT", "DELETE", "BREW"}) {
    Client client(server.port());
    client.send(method + " /stats HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 405")) << method;
  }
}

TEST(TrackerServer, ALongHeaderIsRefused) {
  const RunningServer server({"127.0.0.1:0"});
  Client target(server.port());
  target.send(get("/" + std::string(20000, 'x')));
  EXPECT_THAT(target.rest(), StartsWith("HTTP/1.1 431"));
  Client fields(server.port());
  fields.send("GET /stats HTTP/1.1\r\n");
  for (int i = 0; i < 300; ++i) fields.send("X-" + std::to_string(i) + ": " + std::string(60, 'x') + "\r\n");
  EXPECT_THAT(fields.rest(), StartsWith("HTTP/1.1 431"));
}

TEST(TrackerServer, HeadGetsTheHeadOfTheReply) {
  const RunningServer server({"127.0.0.1:0"});
  for (const std::string target : {"/stats", "/metrics", "/", "/healthz", "/scrape"}) {
    Client client(server.port());
    client.send("HEAD " + target +
                " HTTP/1.1\r\nHost: t\r\n\r\nGET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
    const std::string all = client.rest();
    EXPECT_THAT(all, StartsWith("HTTP/1.1 200 OK\r\n")) << target;
    EXPECT_THAT(all, testing::ContainsRegex("Content-Length: [1-9]")) << target;
    EXPECT_EQ(all.find("\r\n\r\nHTTP/1.1 200"), all.find("\r\n\r\n")) << target << ": a body after the head";
  }
}

TEST(TrackerServer, ClientsThatSayNothingOrTooLittleAreClosed) {
  const RunningServer server({"127.0.0.1:0"},
                             {.head_timeout = milliseconds(50), .idle_timeout = milliseconds(50)});
  Client halfway(server.port());
  halfway.send("GET /stats HTT");
  EXPECT_EQ(halfway.rest(), "");
  Client idle(server.port());
  idle.send(get("/stats"));
  EXPECT_THAT(idle.rest(), StartsWith("HTTP/1.1 200"));
  Client silent(server.port());
  EXPECT_EQ(silent.rest(), "");  // once the kernel hands it over
}

TEST(TrackerServer, AHeadThatComesByteByByteHasTheSameTimeAsAnyOther) {
  const RunningServer server({"127.0.0.1:0"}, {.head_timeout = milliseconds(100)});
  Client slow(server.port());
  slow.send("GET /stats HTTP/1.1\r\n");
  while (!slow.has_reply_within(milliseconds(20))) slow.send("a: b\r\n");  // readable at its end, too
  EXPECT_EQ(slow.rest(), "");
}

TEST(TrackerServer, WhoDoesNothingGivesWayToWhoAsks) {
  const RunningServer server({"127.0.0.1:0"}, {.door = {.connections = 2}});
  Client one(server.port());
  one.send(get("/stats"));
  EXPECT_THAT(one.reply(), HasSubstr("\"connections\":1"));
  Client two(server.port());
  two.send(get("/stats"));
  EXPECT_THAT(two.reply(), HasSubstr("\"connections\":2"));
  Client three(server.port());
  three.send(get("/stats"));
  EXPECT_THAT(three.reply(), HasSubstr("\"connections\":2"));
  EXPECT_EQ(one.rest(), "");
  two.send(get("/healthz"));
  EXPECT_THAT(two.reply(), HasSubstr("ok"));
}

TEST(TrackerServer, AnAddressHasSoManyConnections) {
  const RunningServer server({"127.0.0.1:0"}, {.door = {.connections_an_address = 1}});
  Client one(server.port());
  one.send(get("/healthz"));
  EXPECT_THAT(one.reply(), HasSubstr("ok"));
  Client two(server.port());
  two.send(get("/stats"));
  EXPECT_THAT(two.reply(), HasSubstr("\"connections\":1"));
  EXPECT_EQ(one.rest(), "");
}

TEST(TrackerServer, WhoIsNoClientGivesWayToWhoAsks) {
  const RunningServer server({"127.0.0.1:0"}, {.door = {.connections = 1}});
  Client one(server.port());
  one.send("hello\r\n\r\n");
  EXPECT_THAT(one.reply(), StartsWith("HTTP/1.1 400"));
  Client two(server.port());
  two.send(get("/healthz"));
  EXPECT_THAT(two.reply(), HasSubstr("ok"));
}

// Makes /stats a large reply.
void announce_hosts(const RunningServer& server) {
  for (int i = 0; i < 300; ++i) {
    const std::string id = std::to_string(10000 + i);
    ASSERT_TRUE(http_get(
        server.url("/announce?info_hash=hhhhhhhhhhhhhhhhhhhh&peer_id=aaaaaaaaaaaaaaa" + id + "&port=" + id),
        {}));
  }
}

// Asks for more than the kernel holds, and reads nothing of it.
void ask_deafly(Client& client) {
  std::string requests;
  for (int i = 0; i < 200; ++i) requests += get("/stats");
  client.send(requests);
  EXPECT_TRUE(client.has_reply_within(seconds(10)));
}

TEST(TrackerServer, WhoDoesNotTakeItsRepliesGivesWayToWhoAsks) {
  const RunningServer server({"127.0.0.1:0"}, {.door = {.connections = 1}});
  announce_hosts(server);
  Client deaf(server.port());
  ask_deafly(deaf);
  Client two(server.port());
  two.send(get("/healthz"));
  EXPECT_THAT(two.reply(), HasSubstr("ok"));
}

TEST(TrackerServer, RepliesThatNobodyTakesGiveWayToOneThatIsAskedFor) {
  const RunningServer server({"127.0.0.1:0"}, {.reply_bytes = std::size_t{300} * 1024});
  announce_hosts(server);
  Client deaf(server.port());
  ask_deafly(deaf);
  Client two(server.port());
  two.send(get("/stats"));
  EXPECT_THAT(two.reply(), StartsWith("HTTP/1.1 200"));
}

TEST(TrackerServer, RepliesThatNobodyTakesAreBounded) {
  const RunningServer server({"127.0.0.1:0"}, {.reply_bytes = 1});
  announce_hosts(server);
  Client client(server.port());
  client.send(get("/stats"));
  EXPECT_THAT(client.reply(), StartsWith("HTTP/1.1 503"));
  client.send(get("/healthz"));
  EXPECT_THAT(client.reply(), HasSubstr("ok"));
}

TEST(TrackerServer, EventsGoOnUntilTheReaderCloses) {
  const RunningServer server({"127.0.0.1:0"});
  Client page(server.port());
  page.send(get("/events"));
  EXPECT_THAT(page.until("\n\nevent: stats\n"), HasSubstr("Content-Type: text/event-stream\r\n"));
  page.until("\n\n");
  ASSERT_TRUE(http_get(server.url(announce_target('a', 7001)), {}));
  EXPECT_THAT(page.until("event: hosts\n"), testing::Not(HasSubstr("Content-Length")));
  page.until("\n\n");
  page.socket().close();
  std::string stats;
  do {
    stats = http_get(server.url("/stats"), {}).value();
  } while (stats.find("\"connections\":1,") == stats.npos);
}

TEST(TrackerServer, ListensOnBothFamiliesWithItsWildcard) {
  const RunningServer server({"[::]:0"});
  Client v4(server.port());
  v4.send(get(announce_target('a', 7001)));
  v4.reply();
  Client other(server.port());
  other.send(get(announce_target('b', 7002)));
  EXPECT_THAT(other.reply(), HasSubstr("2:ip9:127.0.0.1"));  // not ::ffff:127.0.0.1
}

TEST(TrackerServer, ListensOnSeveralAddresses) {
  std::uint16_t port = 0;
  {
    const RunningServer probe({"127.0.0.1:0"});
    port = probe.port();
  }
  const std::string text = std::to_string(port);
  const RunningServer server({"0.0.0.0:" + text, "[::]:" + text, "127.0.0.2:0"});
  ASSERT_EQ(server.endpoints().size(), 3u);
  EXPECT_TRUE(http_get("http://127.0.0.1:" + text + "/stats", {}));
  EXPECT_TRUE(http_get("http://[::1]:" + text + "/stats", {}));
  EXPECT_TRUE(http_get("http://" + to_string(server.endpoints()[2]) + "/stats", {}));
}

TEST(TrackerServer, AnAddressThatIsTakenIsNamed) {
  const RunningServer server({"127.0.0.1:0"});
  const std::string taken = to_string(server.endpoints()[0]);
  try {
    const RunningServer second({taken});
    FAIL() << "listened twice on " << taken;
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string(error.what()), "cannot listen on " + taken + ": Address already in use");
  }
}

}  // namespace
}  // namespace ezio::tracker
