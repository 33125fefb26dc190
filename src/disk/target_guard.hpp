// Choosing a target by what the disk is, not by the name that it has today.
//
// Every refusal is one line: what, why, and the remedy. Nothing is written or opened for writing.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bt/base/result.hpp"
#include "disk/disk_identity.hpp"

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

// What is there now, and would be lost: what the disk is, and what it and its partitions hold (libblkid).
struct TargetDescription {
  enum class Kind { device, file, missing };
  struct Partition {
    std::string path;
    std::string holds;
  };
  std::string path{};
  Kind kind = Kind::missing;
  DiskIdentity disk{};                   // of a device
  std::optional<std::uint64_t> bytes{};  // empty: cannot be opened, or missing
  std::string holds{};                   // "ext4 'root'"; empty where `bytes` is
  std::vector<Partition> partitions{};   // of a whole disk
  // A line for each member of an LVM group, RAID or ZFS pool: an active one is refused as in use, and one
  // that is not would be lost silently.
  std::vector<std::string> notes{};
};
TargetDescription describe_target(const std::string& path, const std::string& sysfs = "/sys");

// All of it in a line for the user: "/dev/sda will be overwritten: model, serial 123, 500.1 GB, holds …".
// `verb`: "will" or "would".
std::string overwriting_line(const TargetDescription& description, std::string_view verb);

}  // namespace ezio
