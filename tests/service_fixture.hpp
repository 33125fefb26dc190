// A tracker's service with and without a directory, asked without sockets at times of one's choice.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "torrent_dir_fixture.hpp"
#include "tracker/service.hpp"

namespace ezio::tracker::test {

using ezio::test::info_hash_of;
using ezio::test::make_torrent;
using ezio::test::TorrentDirTest;
using std::chrono::seconds;

inline const std::string some_hash(20, 'h');

inline std::string announce_target(const std::string& hash, char peer, int port,
                                   const std::string& more = "") {
  return "/announce?info_hash=" + hash + "&peer_id=" + std::string(20, peer) +
         "&port=" + std::to_string(port) + more;
}

inline std::string encoded(const InfoHash& hash) {
  std::string out;
  for (const std::byte byte : hash.bytes) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    out += {'%', digits[std::to_integer<unsigned>(byte >> 4)],
            digits[std::to_integer<unsigned>(byte & std::byte{15})]};
  }
  return out;
}

class ServiceTest : public TorrentDirTest {
 protected:
  Reply ask(Service& service, const std::string& target, const std::string& authorization = "",
            const std::string& cookie = "") {
    const Request request{target, *parse_endpoint("10.0.0.1:40000"),
                          [] { return *parse_endpoint("10.0.0.99:6969"); }, authorization, cookie};
    return service.answer(request, {now, unix_now(now)});
  }
  Reply get(const std::string& target) { return ask(with_dir, target); }
  Reply get_open(const std::string& target) { return ask(open, target); }
  static double unix_now(TimePoint time) {
    return 1.7e9 + std::chrono::duration<double>(time.time_since_epoch()).count();
  }
  void tick(Service& service) { service.tick({now, unix_now(now)}); }

  void look() {
    TorrentScan scan(path.string(), "");
    with_dir.set_torrents(scan.look().value().torrents);
  }
  boost::json::value stats(Service& service) { return boost::json::parse(ask(service, "/stats").body); }

  TimePoint now{seconds(1'000'000)};
  std::vector<std::string> lines;
  AnnounceDesk::Listeners listeners{{}, {}, [this](const std::string& line) { lines.push_back(line); }};
  Service open{{}, 1, std::nullopt, now, listeners};
  Service with_dir{{}, 1, TorrentShelf(path.string()), now};
};

// What a host says that is half done.
inline const std::string report =
    "&left=50&host=lab-07&state=leeching&pieces=100&have=50&reused=1&fetched=49&down=1000&up=10&version=1.2&"
    "map=_w"
    "&target=/dev/sda&model=M&serial=S&target_state=leeching";

}  // namespace ezio::tracker::test
