// Torrents that the tracker's server sends over real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bt/net/http_client.hpp"
#include "server_fixture.hpp"
#include "torrent_dir_fixture.hpp"

namespace ezio::tracker {
namespace {

namespace asio = boost::asio;
using ezio::test::make_torrent;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Client;
using test::get;
using test::RunningServer;
using testing::HasSubstr;
using testing::StartsWith;

class TrackerFiles : public ezio::test::TorrentDirTest {};

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

// How many connections the server counts, the asking one among them.
std::string connections_seen_by(Client& watcher) {
  watcher.send(get("/stats"));
  const std::string stats = watcher.reply();
  const std::size_t at = stats.find("\"connections\":");
  return at == stats.npos ? stats : stats.substr(at, stats.find_first_of(",}", at) - at);
}

TEST_F(TrackerFiles, AClientThatStopsReadingIsClosed) {
  write("large.torrent", large_torrent());
  const RunningServer server({"127.0.0.1:0"}, {.write_timeout = milliseconds(100)}, path.string());
  Client stuck(server.port());
  stuck.socket().set_option(asio::socket_base::receive_buffer_size(4096));
  constexpr int asked = 10;
  for (int i = 0; i < asked; ++i) stuck.send(get("/torrents/large.torrent"));
  Client watcher(server.port());
  const auto patience = std::chrono::steady_clock::now() + seconds(60);
  std::string seen = connections_seen_by(watcher);
  while (seen == "\"connections\":2" && std::chrono::steady_clock::now() < patience) {
    seen = connections_seen_by(watcher);
  }
  ASSERT_EQ(seen, "\"connections\":1");
  // It was being served, and got what the kernel had taken by then, not the rest later on.
  const std::string got = stuck.rest();
  EXPECT_THAT(got.substr(0, 100), StartsWith("HTTP/1.1 200"));
  EXPECT_LT(got.size(), asked * large_torrent().size());
}

}  // namespace
}  // namespace ezio::tracker
