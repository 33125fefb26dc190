// `ezio-bench hash`: every SHA-1 implementation that this CPU can run, on one core and on all of them.
#pragma once

#include <cstdint>
#include <string>

namespace ezio {

struct HashBenchOptions {
  double seconds = 1;            // each measurement
  std::uint32_t size_mib = 256;  // of data that is hashed over and over, at least one MiB
  bool json = false;
};

// Runs all measurements and describes them: a table, or one JSON object in one line. Throws std::system_error
// where there is no memory, or no threads.
std::string run_hash_bench(const HashBenchOptions& options);

}  // namespace ezio
