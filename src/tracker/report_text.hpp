// How a deployment went, for people: a line for each host that was to be cloned, those that failed first.
//
// Core file. Programs read the object of stats_json, which says the same.
#pragma once

#include <string>

#include "tracker/stats_json.hpp"

namespace ezio::tracker {

// Several lines, each with its end.
std::string report_text(const StatsSources& sources, const Moment& now);

}  // namespace ezio::tracker
