// Whole files, read and replaced at once: torrents, torrent.info.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio {

// The contents of a file (or pipe). Errors: cannot be opened or read, or more than max_bytes.
Result<std::vector<std::byte>> read_small_file(const std::string& path, std::size_t max_bytes);

// Why write_file_atomically would fail before it writes: the directory is missing or not writable, or `path`
// is there and no regular file. Lets a long computation fail early.
Result<void> check_output_path(const std::string& path);

// Replaces `path` by a file of these contents: written beside it under another name, flushed to the disk,
// then renamed. On an error `path` is as it was.
Result<void> write_file_atomically(const std::string& path, Bytes contents);

}  // namespace ezio
