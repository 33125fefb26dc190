// What becomes of a host by what it says, and by its silence.
//
// Core file. These functions change the host they are given and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tracker/announce_query.hpp"
#include "tracker/host.hpp"

namespace ezio::tracker {

enum class HostEvent : std::uint8_t {
  joined,  // heard of for the first time; told when it has a name, or seems to have none
  done,    // everything verified
  failed,
  lost,      // silent
  returned,  // not silent any more
  left,      // stopped, with nothing to say about it: a seeder that is not needed any more
};
std::string_view to_string(HostEvent event);

// How long a host may be silent.
struct Silence {
  Duration reporting{};          // of those that report: three report intervals
  Duration others{};             // of those that only announce
  Duration reason_may_follow{};  // after a stop without a reason
};

// An announce. `report`: what came with it, or null. The event, if it makes one; `left` means that the host
// is to be forgotten. What happens at a host's first announce comes after `joined`.
std::optional<HostEvent> take_announce(Host& host, const AnnounceQuery& query, const Endpoint& endpoint,
                                       const HostReport* report, const Silence& silence, TimePoint now);

// To be called every second or so.
std::optional<HostEvent> pass_time(Host& host, const Silence& silence, TimePoint now);

// Whether two hosts are the same machine doing the same job, one of them after the other: by name, address
// and first target; of those that do not report by address and port.
bool is_same_job(const Host& host, const HostReport* report, const Endpoint& endpoint);

}  // namespace ezio::tracker
