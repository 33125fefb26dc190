// Enlarging the last partition of a disk, or of an image of one, in its table (libfdisk).
#pragma once

#include <string>

#include "bt/base/result.hpp"
#include "disk/grow_plan.hpp"

namespace ezio {

// `fd` is open for reading and writing, through the page cache; `path` is for messages. An error where there
// is no GPT and no MBR, or it cannot be read.
Result<GrowTable> read_grow_table(int fd, const std::string& path);

// Writes what was planned; a GPT's backup lies at the end of the disk already. Waits until it is there.
Result<void> write_growth(int fd, const std::string& path, const GrowPlan& plan);

}  // namespace ezio
