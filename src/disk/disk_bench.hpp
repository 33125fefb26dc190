// How fast the storage path itself is on a device: the writes or reads of a clone, without network or hash.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/disk_engine.hpp"

namespace ezio {

struct DiskBenchOptions {
  bool read = false;  // else: overwrites PATH, whatever is on it
  DiskOptions::Backend backend = DiskOptions::Backend::automatic;
  unsigned depth = 16;                    // segments in flight
  std::uint32_t segment_bytes = 1 * MiB;  // one request
  std::vector<Extent> extents;            // what is written or read, in torrent order; as Metainfo has them
  double seconds_limit = 0;               // start no more requests after so long; 0: all of the extents
  std::function<bool()> stop;             // asked before each request: true ends the run as the limit does
};

struct DiskBenchResult {
  std::string description;  // "io_uring, O_DIRECT, 512-byte sectors"
  std::uint64_t bytes = 0;
  double seconds = 0;        // from the first request to the last completion; writes: to the end of the flush
  double flush_seconds = 0;  // of them, the flush
  double cpu_seconds = 0;    // of this process, user and system
  double bytes_per_second() const { return seconds > 0 ? static_cast<double>(bytes) / seconds : 0; }
};

// Runs it once, in this thread. PATH goes through the checks of open_target or open_source_device.
Result<DiskBenchResult> run_disk_bench(const std::string& path, const DiskBenchOptions& options);

}  // namespace ezio
