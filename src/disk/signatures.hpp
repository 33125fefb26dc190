// What a device or image file seems to hold: file systems, partition tables, members of RAIDs and volumes
// (libblkid).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio {

struct Signature {
  enum class Kind { file_system, member, table };  // member: of an LVM group, a RAID, a ZFS pool
  Kind kind = Kind::file_system;
  std::string type;  // libblkid's name: "ext4", "LVM2_member", "gpt"
  std::string label;
  std::uint64_t offset = 0;  // of the magic bytes by which it is known
  std::uint64_t length = 0;
};

// Everything that is found there, through the page cache. `fd` was opened for reading.
Result<std::vector<Signature>> find_signatures(int fd);

// The one thing that this part of a device is: a partition's file system, swap, volume group's member. Empty
// where nothing is found, or so much that it cannot be told (signatures that an earlier use has left).
Result<std::optional<Signature>> find_contents(int fd, const Extent& part);

// "ext4 'root' and a gpt partition table", "nothing that is known"
std::string describe(const std::vector<Signature>& signatures);

}  // namespace ezio
