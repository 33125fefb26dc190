// One clone with the real programs: a tracker, a seed and leechers as processes on loopback, timed and
// metered.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "bt/base/result.hpp"

namespace ezio {

struct CloneSpec {
  std::string programs;  // the directory of ezio-tracker and ezio-peer
  std::string torrent;
  std::string source;
  std::vector<std::string> targets;  // a leecher each
  std::uint32_t memory_mib = 256;    // of each peer
  bool read_back = true;             // by the leechers, of their targets
  std::chrono::duration<double> at_most{600};
};

struct ProcessCost {
  std::string name;  // "tracker", "seed", "leecher 1"
  double user_seconds = 0;
  double system_seconds = 0;
  std::uint64_t peak_resident_bytes = 0;
  double cpu_seconds() const { return user_seconds + system_seconds; }
};

struct CloneResult {
  // From the start of the leechers' processes until each had everything verified, written and flushed; by
  // leecher.
  std::vector<double> seconds;
  std::vector<ProcessCost> processes;
};

// Ends every process it started, whatever the outcome. An error when a process ends early, when the time is
// over, or when interrupted.
Result<CloneResult> run_clone(const CloneSpec& spec);

}  // namespace ezio
