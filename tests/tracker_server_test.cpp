// The tracker's server over real sockets on loopback.
#include "tracker/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "bt/net/http_client.hpp"
#include "bt/wire/announce.hpp"
#include "torrent_dir_fixture.hpp"

namespace ezio::tracker {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::make_torrent;
using testing::HasSubstr;
using testing::StartsWith;

// A service and its server on a thread of their own.
class RunningServer {
 public:
  explicit RunningServer(const std::vector<std::string>& listen, ServerLimits limits = {},
                         const std::string& directory = "")
      : service_({}, 1, directory.empty() ? std::nullopt : std::optional(TorrentShelf(directory)),
                 std::chrono::steady_clock::now()) {
    if (!directory.empty()) service_.set_torrents(TorrentScan(directory, "").look().value().torrents);
    std::vector<Endpoint> endpoints;
    for (const std::string& text : listen) endpoints.push_back(parse_endpoint(text).value());
    server_.emplace(context_, service_, endpoints, limits);
    endpoints_ = server_->endpoints();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~RunningServer() {
    context_.stop();
    thread_.join();
  }

  std::uint16_t port() const { return endpoints_.front().port; }
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  std::string url(const std::string& path) const { return "http://" + to_string(endpoints_.front()) + path; }

 private:
  Service service_;
  asio::io_context context_;
  std::optional<Server> server_;
  std::vector<Endpoint> endpoints_;
  std::thread thread_;
};

class Client {
 public:
  explicit Client(std::uint16_t port) { socket_.connect({asio::ip::address_v4::loopback(), port}); }

  void send(std::string_view bytes) {
    boost::system::error_code ignored;  // the server may have closed already
    asio::write(socket_, asio::buffer(bytes), ignored);
  }
  // One reply with a Content-Length.
  std::string reply() {
    boost::system::error_code error;
    const std::size_t head = asio::read_until(socket_, asio::dynamic_buffer(input_), "\r\n\r\n", error);
    if (error) return "closed: " + std::exchange(input_, "");
    const std::size_t at = input_.find("Content-Length: ");
    const std::size_t body = at < head ? std::stoul(input_.substr(at + 16)) : 0;
    if (input_.size() < head + body) {
      asio::read(socket_, asio::dynamic_buffer(input_), asio::transfer_exactly(head + body - input_.size()),
                 error);
    }
    const std::string out = input_.substr(0, head + body);
    input_.erase(0, head + body);
    return out;
  }
  // Everything up to the end of the connection.
  std::string rest() {
    boost::system::error_code error;
    asio::read(socket_, asio::dynamic_buffer(input_), error);
    return std::exchange(input_, "");
  }
  // Up to and with `end`.
  std::string until(const std::string& end) {
    boost::system::error_code error;
    const std::size_t length = asio::read_until(socket_, asio::dynamic_buffer(input_), end, error);
    if (error) return "closed: " + std::exchange(input_, "");
    const std::string out = input_.substr(0, length);
    input_.erase(0, length);
    return out;
  }
  bool has_reply_within(milliseconds timeout) {
    pollfd wait{socket_.native_handle(), POLLIN, 0};
    return ::poll(&wait, 1, static_cast<int>(timeout.count())) > 0;
  }
  tcp::socket& socket() { return socket_; }

 private:
  asio::io_context context_;
  tcp::socket socket_{context_};
  std::string input_;
};

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n";
}

std::string announce_target(char peer, int port) {
  return "/announce?info_hash=hhhhhhhhhhhhhhhhhhhh&compact=0&peer_id=" + std::string(20, peer) +
         "&port=" + std::to_string(port);
}

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

TEST(TrackerServer, RepliesThatNobodyTakesAreBounded) {
  const RunningServer server({"127.0.0.1:0"}, {.reply_bytes = 1});
  for (int i = 0; i < 300; ++i) {
    const std::string id = std::to_string(10000 + i);
    ASSERT_TRUE(http_get(
        server.url("/announce?info_hash=hhhhhhhhhhhhhhhhhhhh&peer_id=aaaaaaaaaaaaaaa" + id + "&port=" + id),
        {}));
  }
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

class TrackerFiles : public test::TorrentDirTest {};

// Valid, and several of the server's chunks long.
std::string large_torrent() {
  TorrentSpec spec;
  spec.name = "large";
  spec.piece_length = 16 * KiB;
  spec.extents = {{0, std::uint64_t{100'000} * 16 * KiB}};
  spec.piece_hashes.resize(100'000);
  for (std::size_t i = 0; i < spec.piece_hashes.size(); ++i)
    spec.piece_hashes[i][i % 20] = static_cast<std::byte>(i);
  spec.target_size = spec.extents[0].length;
  return build_metainfo(spec).value();
}

TEST_F(TrackerFiles, TorrentsOfAnySizeArriveWhole) {
  write("large.torrent", large_torrent());
  write("small.torrent", make_torrent("small"));
  const RunningServer server({"127.0.0.1:0"}, {}, path.string());
  EXPECT_EQ(http_get(server.url("/torrents/large.torrent"), {.max_body_bytes = 64 * MiB}).value(),
            large_torrent());
  EXPECT_EQ(http_get(server.url("/torrents/small.torrent"), {}).value(), make_torrent("small"));
}

TEST_F(TrackerFiles, AConnectionGoesOnAfterAFile) {
  write("small.torrent", make_torrent("small"));
  const RunningServer server({"127.0.0.1:0"}, {}, path.string());
  Client client(server.port());
  client.send(get("/torrents/small.torrent") + get("/torrents/"));
  EXPECT_THAT(client.reply(), HasSubstr(make_torrent("small")));
  EXPECT_THAT(client.reply(), HasSubstr("small.torrent\n"));
}

TEST_F(TrackerFiles, ASlowReaderGetsItsFileAndHoldsUpNobody) {
  write("large.torrent", large_torrent());
  const RunningServer server({"127.0.0.1:0"}, {}, path.string());
  Client slow(server.port());
  slow.send(get("/torrents/large.torrent"));
  Client quick(server.port());
  quick.send(get("/scrape"));
  EXPECT_THAT(quick.reply(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(slow.reply(), HasSubstr(large_torrent().substr(1'000'000)));
}

TEST_F(TrackerFiles, AClientThatStopsReadingIsClosed) {
  write("large.torrent", large_torrent());
  const RunningServer server({"127.0.0.1:0"}, {.write_timeout = milliseconds(100)}, path.string());
  Client stuck(server.port());
  stuck.socket().set_option(asio::socket_base::receive_buffer_size(4096));
  for (int i = 0; i < 10; ++i) stuck.send(get("/torrents/large.torrent"));
  Client watcher(server.port());
  std::string stats;
  do {
    watcher.send(get("/stats"));
    stats = watcher.reply();
  } while (stats.find("\"connections\":2") != stats.npos);
  EXPECT_THAT(stats, HasSubstr("\"connections\":1"));
}

}  // namespace
}  // namespace ezio::tracker
