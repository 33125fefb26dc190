// A part of a disk or file as a block device of its own, for programs that want one.
//
// loop(4). It goes when the last descriptor is closed, also when this process is killed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/unique_fd.hpp"

namespace ezio {

class LoopDevice {
 public:
  const std::string& path() const { return path_; }

 protected:
  LoopDevice(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  // `flags`: of loop_info64. `sector_bytes` 0: as below.
  static Result<LoopDevice> attach(int fd, const Extent& part, std::uint32_t flags,
                                   std::uint32_t sector_bytes);

 private:
  std::string path_;
  UniqueFd fd_;  // keeps it
};

// Of what is open at `fd`. The part is a multiple of 512 bytes. An error where there are no loop devices.
class ReadOnlyLoop : public LoopDevice {
 public:
  static Result<ReadOnlyLoop> open(int fd, const Extent& part);

 private:
  explicit ReadOnlyLoop(LoopDevice&& device) : LoopDevice(std::move(device)) {}
};

// The same for writing, with sectors of this size, of which the part is a multiple. `fd` is open for writing,
// without O_DIRECT.
class WritableLoop : public LoopDevice {
 public:
  static Result<WritableLoop> open(int fd, const Extent& part, std::uint32_t sector_bytes);

 private:
  explicit WritableLoop(LoopDevice&& device) : LoopDevice(std::move(device)) {}
};

}  // namespace ezio
