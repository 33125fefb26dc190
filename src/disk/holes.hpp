// Holes of sparse files: what reads as zeros without being anywhere (lseek(2), SEEK_DATA).
#pragma once

#include <cstdint>

#include "disk/op_queue.hpp"

namespace ezio {

// Whether all of these torrent bytes lie in holes. False for block devices, and wherever the file system
// cannot tell. Any thread.
bool is_hole(const IoFile& file, std::uint64_t torrent_offset, std::uint64_t length);

}  // namespace ezio
