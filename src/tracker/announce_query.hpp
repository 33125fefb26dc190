// What a client asks the tracker: the query strings of /announce and /scrape (BEP 3, 7, 23, 48).
//
// Core file. A query is foreign: every error names the parameter and its value, and is fit to be a
// `failure reason`. `ip` and `ipv6` are never believed: a peer's address is that of its connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "bt/wire/announce.hpp"

namespace ezio::tracker {

struct AnnounceQuery {
  InfoHash info_hash;
  PeerId peer_id;
  std::uint16_t port = 0;        // never 0 in a parsed query
  std::uint64_t uploaded = 0;    // bytes
  std::uint64_t downloaded = 0;  // bytes
  std::uint64_t left = 1;        // bytes; a client that does not say is taken for a leecher
  AnnounceEvent event = AnnounceEvent::none;
  std::optional<std::uint32_t> numwant;  // empty where absent or negative (the tracker's choice)
  bool compact = true;                   // only compact=0 gets dictionaries
  bool no_peer_id = false;               // leave peer ids out of dictionaries
  std::string key;                       // at most 64 bytes; empty where absent
  bool reports = false;                  // there is a `state`: the query holds a HostReport, too
};

// `query` is what stands behind the '?', still percent-encoded. Unknown parameters are ignored; of a repeated
// one the first counts.
Result<AnnounceQuery> parse_announce_query(std::string_view query);

inline constexpr std::size_t max_scrape_hashes = 100;
// The info_hash parameters of a scrape, in order; empty means that all torrents are asked for.
Result<std::vector<InfoHash>> parse_scrape_query(std::string_view query);

}  // namespace ezio::tracker
