// --grow: the last partition of a finished target, and its file system, to the end of the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "bt/base/result.hpp"

namespace ezio {

// Of the whole disk, partition or image file at `path`, which nobody uses. Where a file system is on it
// without a partition table, that is what grows. Only ext2 to ext4, xfs and btrfs do: with anything else
// (LVM, LUKS, NTFS …) at the end nothing is touched, since half of it done is worse than nothing; that is
// said by `say`, in one line, and is no error. So is that there is nothing to do, as in a second run. Waits
// for the disk and the tools.
Result<void> grow_target(const std::string& path, const std::function<void(const std::string& text)>& say);

// For --dry-run, where the table is not known yet. `image_bytes`: what the torrent was made of.
std::string growth_forecast(std::uint64_t target_bytes, std::uint64_t image_bytes);

}  // namespace ezio
