// What the event log says (--log), a JSON object a line. docs/TRACKER.md "The event log" is its description
// for users.
//
// Core file.
#pragma once

#include <string>
#include <string_view>

#include "tracker/host_life.hpp"

namespace ezio::tracker {

// "2026-11-28T15:44:17.250Z"
std::string calendar_text(double unix_s);

// One event of a host, without the line's end. `torrent`: its name, empty where that is not known.
std::string log_line(HostEvent event, double unix_s, const InfoHash& info_hash, std::string_view torrent,
                     const Host& host);

// An announce that was refused, or a report. `unlogged`: so many before it were not logged, since there were
// too many.
std::string refusal_line(double unix_s, const Endpoint& source, std::string_view reason,
                         std::uint64_t unlogged);

}  // namespace ezio::tracker
