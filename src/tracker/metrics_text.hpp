// What /metrics says: Prometheus text exposition format 0.0.4.
//
// Core file.
#pragma once

#include <string>

#include "tracker/stats_json.hpp"

namespace ezio::tracker {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

std::string metrics_text(const StatsSources& sources, const Moment& now);

}  // namespace ezio::tracker
