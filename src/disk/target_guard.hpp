// Choosing a target by what the disk is, not by the name that it has today.
//
// Every refusal is one line: what, why, and the remedy. Nothing is written or opened for writing.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "bt/base/result.hpp"

namespace ezio {

struct TargetGuards {
  std::vector<std::string> serials{};  // the target's disk has one of these; empty: any
  std::string model{};                 // a glob (fnmatch(3)); empty: any
  std::uint64_t least_bytes = 0;       // of the target itself
  std::uint64_t most_bytes = std::numeric_limits<std::uint64_t>::max();
  bool allow_removable = false;

  bool ask_for_a_disk() const;  // something that an image file does not have
};

// TARGET as the user gave it, as a path: serial=S and wwn=W become the one disk that has it, and with -partN
// at the end that partition of it. None and several are refused. Everything else is a path already.
Result<std::string> target_path(const std::string& target, const std::string& sysfs = "/sys");

// Why this target must not be written, or nothing. `bytes` is its size.
std::optional<Error> refuse_guarded(const std::string& path, const struct stat& status, std::uint64_t bytes,
                                    const TargetGuards& guards, const std::string& sysfs = "/sys");

// What will be overwritten, for the user: path, model, serial number, world wide name, size, and what is
// there and in its partitions (libblkid). Of members of an LVM group, RAID or ZFS pool a line each, too: an
// active one is refused as in use, and one that is not would be lost silently.
struct TargetDescription {
  std::string line;
  std::vector<std::string> notes;
};
TargetDescription describe_target(const std::string& path, const std::string& sysfs = "/sys");

}  // namespace ezio
