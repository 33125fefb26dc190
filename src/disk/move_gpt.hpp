// The backup of a GPT belongs at the end of the disk (UEFI specification, 5.3.2). On a disk that is larger
// than the one that a clone was made of it lies in the middle.
#pragma once

#include <optional>
#include <string>

#include "bt/base/result.hpp"
#include "disk/device_file.hpp"
#include "disk/kept_bytes.hpp"

namespace ezio {

// Moves it there, makes the first table say so, makes the space usable, and clears where it was; flushed, and
// read again. `disk` is open for writing. What it changes is kept. What was done, for the user; empty where
// the backup lies at the end, or there is no GPT.
Result<std::optional<std::string>> move_backup_gpt(const DeviceFile& disk, KeptBytes& kept);

}  // namespace ezio
