// Where the bytes of a torrent lie on the device.
//
// Core file: no I/O, no threads. Immutable once built.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bt/base/types.hpp"

namespace ezio {

// Bytes that are contiguous both in the torrent and on the device.
struct DeviceRun {
  std::uint64_t torrent_offset = 0;  // bytes
  std::uint64_t device_offset = 0;   // bytes
  std::uint64_t length = 0;          // bytes, > 0
  auto operator<=>(const DeviceRun&) const = default;
};

class ExtentMap {
 public:
  // adjacent: extents that follow each other on the device as they do in the torrent become one run, so that
  // one transfer can cover them (partclone cuts long extents). none: run i is extent i.
  enum class Merge { adjacent, none };

  // `extents` as Metainfo guarantees them: non-empty, disjoint, every length > 0. 16 bytes a run are kept.
  explicit ExtentMap(std::span<const Extent> extents, Merge merge = Merge::adjacent);

  std::uint64_t total_length() const { return total_length_; }
  std::size_t run_count() const { return starts_.size(); }
  DeviceRun run(std::size_t index) const;  // index < run_count()

  // The run that holds the byte; torrent_offset < total_length(). O(log runs).
  std::size_t run_at(std::uint64_t torrent_offset) const;

 private:
  struct Start {
    std::uint64_t torrent_offset;
    std::uint64_t device_offset;
  };
  std::vector<Start> starts_;  // ascending torrent_offset; a run ends where the next begins
  std::uint64_t total_length_ = 0;
};

}  // namespace ezio
