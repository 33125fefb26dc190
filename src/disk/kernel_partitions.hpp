// What the kernel knows of the partitions of a disk whose table has changed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "bt/base/result.hpp"
#include "disk/grow_plan.hpp"

namespace ezio {

// Has the kernel read the table of a disk again (ioctl_list(2), BLKRRPART); tries for two seconds, since who
// looks at a new table holds its partitions for a moment. An errno, 0 for success.
int ask_to_reread(int fd);

// Makes the kernel know the table as it is now, of which `partition` is the last. The path of its device;
// nothing where a device like this has no partitions in the kernel, whatever is on it.
Result<std::optional<std::string>> reread_table(int fd, dev_t disk, const GrowPartition& partition,
                                                std::uint32_t sector_bytes);

}  // namespace ezio
