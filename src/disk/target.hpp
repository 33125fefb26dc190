// The checks before a device is written, and the opening of targets.
//
// Every refusal is one line: what was refused, why, and the remedy. Not a byte is written here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bt/base/result.hpp"
#include "disk/device_file.hpp"

namespace ezio {

// Opens TARGET for writing, or refuses it: mounted (it or any partition of it), in use (O_EXCL, swap,
// holders, a loop device on it), read-only, smaller than needed, a directory, a character device. An image
// file that is missing is created sparse where that was asked for and its parent directory exists, but never
// among devices; one that is there is extended (never truncated) to needed_bytes; its new size and name are
// durable on return. The descriptor holds a device exclusively (O_EXCL), an image file by flock(2), until it
// is closed.
enum class Missing { refuse, create };
Result<DeviceFile> open_target(const std::string& path, std::uint64_t needed_bytes,
                               Missing missing = Missing::refuse);

// What open_target would come to, without it: nothing is made or extended, else the same is refused and the
// target is held likewise. Whether a file system would take a file of that size is not tried.
struct TargetPreview {
  std::optional<DeviceFile>
      file;                // read through the page cache, of the size that it has; none: it would be made
  std::uint64_t size = 0;  // of the target as it would be
};
Result<TargetPreview> preview_target(const std::string& path, std::uint64_t needed_bytes,
                                     Missing missing = Missing::refuse);

// What open_target refuses whatever is needed: before there is a torrent.
std::optional<Error> refuse_target(const std::string& path, Missing missing);

}  // namespace ezio
