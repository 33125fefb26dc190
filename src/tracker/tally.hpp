// How far a deployment is: the hosts of a torrent counted, and all of it in one sentence.
//
// Core file.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tracker/expectation.hpp"
#include "tracker/host_book.hpp"

namespace ezio::tracker {

struct Tally {
  std::array<std::uint32_t, host_state_count> states{};  // by HostState, without the lost ones
  std::uint32_t lost = 0;
  // Of those that clone (Host::leecher):
  std::uint32_t leechers = 0;
  std::uint32_t leechers_done = 0;
  std::uint32_t leechers_failed = 0;
  std::uint32_t leechers_lost = 0;
  std::uint64_t down = 0;       // bytes a second, all together
  std::uint64_t up = 0;         // bytes a second, all together
  std::optional<double> eta_s;  // until the last of those that can tell has everything
};
Tally tally(const HostTable& table);

// "31 of 32 done, lab-07 failed: /dev/sda: Input/output error, lab-09 lost at 45 %"
std::string summary(const HostBook& book, const Expectation& expectation);

}  // namespace ezio::tracker
