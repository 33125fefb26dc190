// Tracker announces as text: builds the request target, parses the reply (BEP 3, 7, 23, 31, 48).
//
// Core file: the HTTP exchange is bt/net/http_client.hpp's.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bt/base/endpoint.hpp"
#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "bt/wire/host_report.hpp"

namespace ezio {

enum class AnnounceEvent { none, started, stopped, completed };

struct AnnounceRequest {
  InfoHash info_hash;
  PeerId peer_id;
  std::uint16_t port = 0;
  std::uint64_t uploaded = 0;    // payload bytes since start
  std::uint64_t downloaded = 0;  // payload bytes since start
  std::uint64_t left = 0;        // bytes still to verify
  AnnounceEvent event = AnnounceEvent::none;
  std::uint32_t numwant = 50;
  std::uint32_t key = 0;  // survives a change of address (BEP 3 practice)
};

// The announce URL with the query appended ('?' or '&' as the URL needs), info_hash and peer_id
// percent-encoded byte by byte, compact=1, and the report behind it. Only the path and query are touched.
std::string announce_url(std::string_view tracker, const AnnounceRequest& request,
                         const HostReport* report = nullptr);

struct AnnounceReply {
  Duration interval{};      // until the next regular announce; clamped to 1 s ... 1 day; 60 s if not said
  Duration min_interval{};  // never sooner than this; 0 where the tracker did not say
  std::optional<std::uint32_t> seeders;   // `complete`
  std::optional<std::uint32_t> leechers;  // `incomplete`
  std::vector<Endpoint> peers;            // port 0 dropped; at most max_announce_peers
  std::string warning;                    // `warning message`, printable part, at most 200 bytes
  // `report interval`: the tracker is one of ours, and wants an announce with a HostReport so often; clamped
  // to 1 s ... 1 h.
  std::optional<Duration> report_interval;
};
inline constexpr std::size_t max_announce_peers = 2000;

// Parses the body of an HTTP 200. `peers` may be compact (BEP 23) or a list of dictionaries (BEP 3; entries
// whose `ip` is not a literal address are skipped); `peers6` is BEP 7. A `failure reason` comes back as the
// Error, as do bodies that are not bencode (HTML) and compact lists whose length is not a multiple of 6 / 18.
Result<AnnounceReply> parse_announce_reply(Bytes body);

}  // namespace ezio
