// What a tracker keeps over a restart, as JSON: hosts, results, rate curves.
//
// Core file. Times are those of the calendar in the text.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
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

// Makes the text, every few seconds. Most hosts of a long day do not change any more: theirs is kept.
class StateText {
 public:
  std::string make(const HostBook& book, const Registry& registry, const Moment& now);

 private:
  struct Kept {
    std::uint64_t change = 0;  // Host::change then
    std::string text;
  };
  using KeptHosts = std::unordered_map<std::uint64_t, Kept>;  // by the host's id, which nobody can choose

  const std::string& keep(const Host& host, const Moment& now, KeptHosts& kept);

  KeptHosts kept_;  // those of the last text
};

std::string state_text(const HostBook& book, const Registry& registry, const Moment& now);

// Hosts that were there are taken to have been seen just now: they have not had a chance to announce
// meanwhile. An error names what is not as state_text writes it.
Result<std::vector<SavedTorrent>> parse_state(std::string_view text, const Moment& now);

}  // namespace ezio::tracker
