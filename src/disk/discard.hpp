// Handing the space of a target that a clone leaves unused back to its device (--discard-unused): BLKDISCARD,
// or holes in a file. What was there is lost, what is read there afterwards is anything.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bt/base/types.hpp"
#include "disk/device_file.hpp"
#include "disk/unused_space.hpp"

namespace ezio {

// Told the bytes that are done after each command; false: no more of them.
using GoOn = std::function<bool(std::uint64_t bytes_done)>;

struct DiscardEnd {
  std::uint64_t bytes = 0;          // that were discarded
  int error = 0;                    // errno of the command that ended it
  std::uint64_t failed_offset = 0;  // and where that was, in bytes
};

// One command after another, of at most a GiB each, so that the time between two says whether the device
// still answers. `discard` returns 0 or an errno; the first error is the end.
DiscardEnd discard_ranges(std::span<const Extent> ranges, DiscardUnits units,
                          const std::function<int(const Extent&)>& discard, const GoOn& go_on);

// What the device wants discards to be like; empty: it cannot. `sector`: its logical one, in bytes.
std::optional<DiscardUnits> device_discard_units(dev_t device, std::uint64_t sector,
                                                 const std::string& sysfs = "/sys");

// Of one target; immutable, with a descriptor of its own, so that it may be used in any thread.
class UnusedSpace {
 public:
  // `target` is open for writing. Its file system ends at `end`, or, where that is no more than its extents'
  // end, nobody knows where. Asks the device. Throws std::system_error where there is no descriptor left.
  UnusedSpace(const DeviceFile& target, std::span<const Extent> extents, std::uint64_t end);

  std::uint64_t bytes() const;  // that may be discarded; 0 where the device cannot
  std::string plan() const;     // for the user: what would be done, or why nothing
  // Does it, and says what came of it. Waits for the device. To be called before anything is written: then
  // what is written later is right, whatever the device took the commands for, or it is found when it is read
  // back.
  std::string discard(const GoOn& go_on) const;

 private:
  std::string why_not() const;
  int discard_one(const Extent& range) const;

  DeviceFile target_;
  std::optional<DiscardUnits> units_;
  std::vector<Extent> ranges_;
};

}  // namespace ezio
