// Which hosts are to be cloned: known only to those who say so (--expect, --expect-hosts).
//
// Core file.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "bt/base/types.hpp"

namespace ezio::tracker {

struct Expectation {
  std::optional<std::uint32_t> hosts = {};  // how many for each torrent
  std::set<std::string> names = {};         // who; `hosts` is their number then
  // So long a host may be lost before it counts as failed.
  Duration lost_for_good = std::chrono::minutes(5);
};

}  // namespace ezio::tracker
