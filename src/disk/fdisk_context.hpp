// libfdisk's objects with an owner, and how a disk is opened by it.
#pragma once

#include <libfdisk/libfdisk.h>

#include <memory>
#include <string>

#include "bt/base/result.hpp"

namespace ezio {

using FdiskContext = std::unique_ptr<fdisk_context, decltype(&fdisk_unref_context)>;
using FdiskTable = std::unique_ptr<fdisk_table, decltype(&fdisk_unref_table)>;

enum class FdiskAccess { read, write };

// It reads and writes through the page cache, and asks nobody. `fd` stays the caller's and must outlive the
// context; `path` is for messages. A disk without a table is no error.
Result<FdiskContext> open_fdisk(int fd, const std::string& path, FdiskAccess access);

Result<FdiskTable> fdisk_partitions(const FdiskContext& context, const std::string& path);

// Whether the entry is a partition that lies somewhere.
bool has_place(fdisk_partition* entry);

}  // namespace ezio
