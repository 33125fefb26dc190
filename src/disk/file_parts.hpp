// Bytes of a source as parts of open files: what sendfile(2) hands to a socket without a copy in between.
#pragma once

#include <cstdint>

#include "disk/op_queue.hpp"

namespace ezio {

// Shorter ones cost more, in system calls and open files, than copying the bytes together costs.
inline constexpr std::uint64_t least_mean_part_bytes = std::uint64_t{256} << 10;

// See Storage::file_parts.
FileParts file_parts(const IoFile& file, std::uint64_t torrent_offset, std::uint64_t length,
                     std::size_t max_parts);

// Whether every byte is in the page cache just now (mincore(2)), so that sending it waits for no disk. False
// where the kernel does not tell: it tells those who own the file or may write to it. Any thread.
bool in_page_cache(const FileParts& parts);

}  // namespace ezio
