// `ezio-bench disk`: the writer's (or reader's) own path on a device, at several depths, sizes and layouts.
#pragma once

#include <cstdint>
#include <string>

#include "tools/common/outcome.hpp"

namespace ezio {

struct DiskBenchCommand {
  std::string path;
  bool read = false;
  bool destroy = false;           // a device or file that is there may be overwritten
  std::uint32_t size_mib = 1024;  // how much of the device, from its start, is used; at least 2 MiB
  double seconds = 5;             // at most, for each measurement; 0: no limit
  bool json = false;
};

// Runs all measurements and describes them: a table, or one JSON object in one line. Refused: to write to
// what is there without `destroy`, and whatever ezio-peer refuses. An image file that was not there is
// removed again.
Outcome<std::string> run_disk_command(const DiskBenchCommand& command);

}  // namespace ezio
