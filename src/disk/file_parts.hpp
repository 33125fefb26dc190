// Bytes of a source as parts of open files: what sendfile(2) hands to a socket without a copy in between.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "disk/op_queue.hpp"

namespace ezio {

// Each shorter than this on average, parts cost more system calls than copying the bytes together costs.
inline constexpr std::uint64_t least_mean_part_bytes = std::uint64_t{64} << 10;

// Where torrent bytes [torrent_offset, torrent_offset + length) lie, in order. Empty where reading them is
// better or the only way: with O_DIRECT, when they lie in too many parts, when a file cannot be opened. May
// open a file.
FileParts file_parts(const IoFile& file, std::uint64_t torrent_offset, std::uint64_t length);

// `length` bytes of what the parts cover, from its byte `begin` on.
FileParts slice(const FileParts& parts, std::uint64_t begin, std::uint64_t length);

// Whether every byte is in the page cache just now (mincore(2)), so that sending it waits for no disk. To a
// user who neither owns the file nor may write to it the kernel says yes always. Any thread.
bool in_page_cache(const FileParts& parts);

}  // namespace ezio
