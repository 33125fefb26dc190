// How large a file system says it is. A core function: bytes in, a number out.
//
// libblkid 2.38 tells what a file system is, but not how large (BLKID_SUBLKS_FSINFO came with 2.39).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bt/base/types.hpp"

namespace ezio {

// Enough of the beginning of a device for every superblock that is known here.
inline constexpr std::size_t superblock_bytes = 128 * 1024;

// `type` is libblkid's name, `start` the device's first bytes. Empty: not known, or they are too few.
std::optional<std::uint64_t> file_system_bytes(std::string_view type, Bytes start);

}  // namespace ezio
