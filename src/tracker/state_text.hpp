// What a tracker keeps over a restart, as JSON: hosts, results, rate curves.
//
// Core file. Times are those of the calendar in the text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bt/base/result.hpp"
#include "tracker/host_book.hpp"
#include "tracker/moment.hpp"
#include "tracker/registry.hpp"

namespace ezio::tracker {

struct SavedTorrent {
  InfoHash info_hash;
  std::uint64_t completed = 0;  // SwarmCounts::completed
  RateCurve curve;
  std::vector<Host> hosts;
};

std::string state_text(const HostBook& book, const Registry& registry, const Moment& now);

// Hosts that were there are taken to have been seen just now: they have not had a chance to announce
// meanwhile. An error names what is not as state_text writes it.
Result<std::vector<SavedTorrent>> parse_state(std::string_view text, const Moment& now);

}  // namespace ezio::tracker
