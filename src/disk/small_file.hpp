// Whole files, read and replaced at once: torrents, torrent.info.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/unique_fd.hpp"

namespace ezio {

// The contents of a file (or pipe). Errors: cannot be opened or read, or more than max_bytes.
Result<std::vector<std::byte>> read_small_file(const std::string& path, std::size_t max_bytes);

// Why write_file_atomically would fail before it writes: the directory is missing or not writable, or `path`
// is there and no regular file. Lets a long computation fail early.
Result<void> check_output_path(const std::string& path);

// Replaces `path` by a file of these contents: written beside it under another name, flushed to the disk,
// then renamed. On an error `path` is as it was.
Result<void> write_file_atomically(const std::string& path, Bytes contents);

// The end of that, of a file that was written at length: flushes `fd`, which is open at `name`, closes it,
// and gives it the name `path`. On an error `path` is as it was, but for one of the directory; `name` is left
// to the caller.
Result<void> flush_and_rename(UniqueFd fd, const std::string& name, const std::string& path);

// Writes all of it; errno, 0 for success.
int write_fully(int fd, Bytes data);

}  // namespace ezio
