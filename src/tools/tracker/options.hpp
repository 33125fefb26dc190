// ezio-tracker's command line and configuration file.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "bt/base/endpoint.hpp"
#include "tools/common/outcome.hpp"
#include "tools/tracker/deployment.hpp"
#include "tools/tracker/status.hpp"
#include "tracker/expectation.hpp"

namespace ezio {

struct TrackerOptions {
  std::vector<Endpoint> listen;
  std::string directory;     // of torrents; empty: any torrent is tracked, and none served
  std::string announce_url;  // empty: as the torrents say
  std::uint32_t interval_s = 60;
  std::uint32_t report_interval_s = 5;
  std::string token;  // empty: everybody may look
  tracker::Expectation expectation;
  DeploymentOptions deployment;
};

// Parses argv: `ezio-tracker …` or `ezio-tracker status …`. With --config its settings come first and the
// command line's go over them. Reads the files of --expect-hosts and --token-file.
std::variant<TrackerOptions, StatusOptions, EarlyExit> parse_tracker_options(int argc,
                                                                             const char* const* argv);

}  // namespace ezio
