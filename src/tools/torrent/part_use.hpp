// What of a part of a disk is worth copying: of a partition, a logical volume, a disk without a table.
#pragma once

#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio {

struct PartUse {
  std::string type;             // libblkid's name of what is there; empty where that is not known
  std::string label;            // of it
  std::string how;              // "the used blocks, by partclone.extfs"; "every block"; for the user
  std::vector<Extent> extents;  // bytes of the disk, ascending, disjoint, within the part
};

// The ends of a part are copied whatever is used: boot code and second copies of superblocks lie there, and
// what an earlier use of the target has left there (signatures of RAID, ZFS, LUKS) must not survive.
inline constexpr std::uint64_t kept_end_bytes = MiB;

enum class Blocks { used, every };

// Looks at a part of what is open at `fd`. Blocks::every takes all of it, whatever it is. An error where a
// file system that is known cannot be mapped: taking every block instead may be wrong (it is damaged, or
// hibernated) and is slow, so that the user has to say it.
Result<PartUse> examine_part(int fd, const Extent& part, Blocks blocks);

// Ascending, what overlaps or touches joined into one.
std::vector<Extent> joined(std::vector<Extent> extents);

}  // namespace ezio
