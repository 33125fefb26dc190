// Enlarging the last partition of a disk, or of an image of one, in its table (libfdisk), and in the kernel.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "bt/base/result.hpp"
#include "disk/grow_plan.hpp"

namespace ezio {

// `fd` is open for reading and writing, through the page cache; `path` is for messages. An error where there
// is no GPT and no MBR, or it cannot be read.
Result<GrowTable> read_grow_table(int fd, const std::string& path);

// Writes what was planned; a GPT's backup lies at the end of the disk already. Waits until it is there.
Result<void> write_growth(int fd, const std::string& path, const GrowPlan& plan);

// Makes the kernel know the table as it is now, of which `partition` is the last. The path of its device;
// nothing where a device like this has no partitions in the kernel, whatever is on it.
Result<std::optional<std::string>> reread_table(int fd, dev_t disk, const GrowPartition& partition,
                                                std::uint32_t sector_bytes);

}  // namespace ezio
