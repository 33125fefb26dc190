// Whole files, read and replaced at once: torrents, torrent.info.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
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

// A file that is written at length, as PATH.partial, which replaces PATH when all is there and on the disk.
// Until then, and on every error but one of the directory, PATH is as it was; what was written goes with this
// object.
class PartialFile {
 public:
  // Refused where PATH is there and no file, or PATH.partial is there already, or cannot be made.
  static Result<PartialFile> create(const std::string& path);
  PartialFile(PartialFile&&) = default;
  ~PartialFile();

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  const std::string& name() const { return name_; }  // of what is written, PATH.partial
  Result<void> finish();

 private:
  PartialFile(std::string path, std::string name, UniqueFd fd)
      : path_(std::move(path)), name_(std::move(name)), fd_(std::move(fd)) {}

  std::string path_;
  std::string name_;
  UniqueFd fd_;
};

// Writes all of it; errno, 0 for success.
int write_fully(int fd, Bytes data);

}  // namespace ezio
