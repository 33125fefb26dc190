// A part of a disk or file as a block device of its own, for programs that want one.
//
// loop(4). It goes when the last descriptor is closed, also when this process is killed.
#pragma once

#include <string>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/unique_fd.hpp"

namespace ezio {

class ReadOnlyLoop {
 public:
  // Of what is open at `fd`. The part is a multiple of 512 bytes. An error where there are no loop devices.
  static Result<ReadOnlyLoop> open(int fd, const Extent& part);

  const std::string& path() const { return path_; }

 private:
  ReadOnlyLoop(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  UniqueFd fd_;  // keeps it
};

}  // namespace ezio
