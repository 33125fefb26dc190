// What a capture of a disk will read, before it reads it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bt/base/types.hpp"
#include "bt/metainfo/disk_layout.hpp"
#include "disk/device_file.hpp"
#include "tools/common/outcome.hpp"

namespace ezio {

struct CapturePlan {
  std::vector<Extent> extents;       // ascending, disjoint
  std::uint64_t target_size = 0;     // bytes
  std::optional<DiskLayout> layout;  // none: it has no partition table
  std::vector<std::string> lines;    // what is taken of what, for the user
};

// Reads the partition table, and of each partition what maps its used blocks. `whole`: numbers of partitions
// of which every block is to be taken. Refused: a table that cannot be read, a file system that cannot be
// mapped, a number that no partition has.
Outcome<CapturePlan> plan_capture(const DeviceFile& disk, const std::set<std::uint32_t>& whole);

}  // namespace ezio
