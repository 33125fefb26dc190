// Making a file system as large as its device, by its own tool.
#pragma once

#include <string>
#include <vector>

#include "bt/base/result.hpp"

namespace ezio {

// By libblkid's name: ext2 to ext4, xfs, btrfs.
bool can_grow(const std::string& type);

// Why that cannot be done here: a tool that is missing. Empty: all are there.
std::string missing_tool(const std::string& type);

// `device` holds one file system of that kind, and nobody uses it. A second run changes nothing. Waits for
// the tools, however long they take; what they print is in an error's text, and nowhere else.
Result<void> grow_file_system(const std::string& device, const std::string& type);

}  // namespace ezio
