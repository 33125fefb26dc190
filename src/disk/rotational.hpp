// Whether a disk spins: reads far apart then cost a seek each (Linux, Documentation/ABI, queue/rotational).
#pragma once

#include <sys/stat.h>

namespace ezio {

// Of a block device, or of the device that a file lies on; false where nobody tells (network file systems,
// tmpfs).
bool is_rotational(const struct stat& status);

}  // namespace ezio
