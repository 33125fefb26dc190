// Which parts of a sparse image file hold data (lseek(2), SEEK_DATA and SEEK_HOLE).
#pragma once

#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/device_file.hpp"

namespace ezio {

// The data runs of an image in ascending order; of a block device, and where the file system knows no holes,
// one run of all of it. Empty for a file that is one hole or has no bytes. Holes read as zeros.
Result<std::vector<Extent>> find_data_runs(const DeviceFile& file);

}  // namespace ezio
