// Opening a block device or image file, and finding out how O_DIRECT wants to be used on it.
#pragma once

#include <sys/stat.h>

#include <string>

#include "bt/base/result.hpp"
#include "disk/target.hpp"

namespace ezio {

// Equal for equal devices (or files), whatever path led there.
std::uint64_t identity(const struct stat& status);

// Opens a block device or regular file with these open(2) flags, with O_DIRECT added where the file takes it,
// and fills in everything but what a partition's disk is. `expected` is what the caller has checked before:
// if the path leads elsewhere by now, that is an error.
Result<DeviceFile> open_device_file(const std::string& path, int flags, const struct stat& expected);

// Decides about O_DIRECT once the size is final: sets direct, why_not_direct, sector and memory_alignment and
// the descriptor's flag. Reads at most one sector.
void choose_direct(DeviceFile& file);

}  // namespace ezio
