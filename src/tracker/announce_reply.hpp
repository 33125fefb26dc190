// What the tracker answers, bencoded (BEP 3, 7, 23, 48).
//
// Core file.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tracker/registry.hpp"

namespace ezio::tracker {

// compact: `peers` and `peers6` as strings of 6 and 18 bytes a peer (BEP 23, 7); otherwise `peers` is a list
// of dictionaries of both families, with `peer id` unless no_peer_id.
std::string encode_announce_reply(const AnnounceOutcome& outcome, bool compact, bool no_peer_id);

std::string encode_failure(std::string_view reason);

std::string encode_scrape_reply(std::vector<std::pair<InfoHash, SwarmCounts>> swarms);

}  // namespace ezio::tracker
