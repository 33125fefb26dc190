// Announces and reports of hosts that are made up.
#pragma once

#include <cstring>
#include <string>

#include "bt/wire/host_report.hpp"
#include "tracker/announce_query.hpp"

namespace ezio::tracker::test {

inline InfoHash torrent_of(int number) {
  InfoHash hash;
  hash.bytes[0] = static_cast<std::byte>(number);
  return hash;
}

inline AnnounceQuery query_of(int peer, std::uint64_t left, AnnounceEvent event = AnnounceEvent::none) {
  AnnounceQuery query;
  query.info_hash = torrent_of(1);
  std::memcpy(query.peer_id.bytes.data(), &peer, sizeof peer);
  query.port = 6881;
  query.left = left;
  query.event = event;
  return query;
}

inline HostReport report_of(HostState state, const std::string& host = "lab-07",
                            const std::string& target = "/dev/sda") {
  HostReport report;
  report.host = host;
  report.state = state;
  report.pieces = 100;
  report.have = 45;
  report.down = 1000;
  report.targets = {{target, "", "", state, ""}};
  return report;
}

}  // namespace ezio::tracker::test
