// `ezio-bench clone`: a whole clone with the real programs as processes of this machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/common/outcome.hpp"

namespace ezio {

struct CloneBenchOptions {
  std::string programs;           // the directory of ezio-tracker and ezio-peer
  unsigned leechers = 1;          // with targets: as many
  std::uint32_t size_mib = 1024;  // of data
  std::uint32_t extents = 1;      // 1: contiguous
  std::uint32_t piece_length = 16 * 1024 * 1024;
  std::uint32_t memory_mib = 256;    // of each peer
  bool no_read_back = false;         // of the leechers
  std::string directory;             // for the source and targets that are files; empty: where there is room
  std::vector<std::string> targets;  // devices or files to clone to, instead of new files
  bool destroy = false;              // they may be overwritten
  double seconds = 600;              // at most, for the clone
  bool json = false;
};

// Makes random data, clones it, compares every target with the source, and describes the clone: a table, or
// one JSON object in one line. A clone that fails, differs or takes too long is a Failure.
Outcome<std::string> run_clone_bench(const CloneBenchOptions& options);

// The directory of the running program.
std::string program_directory();

}  // namespace ezio
