// The checks before a device is written, and the opening of targets and sources.
//
// Every refusal is one line: what was refused, why, and the remedy. Not a byte is written here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bt/base/result.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "disk/disk_engine.hpp"

namespace ezio {

// A file descriptor that closes itself.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_ = -1;
};

// An opened block device or image file.
struct DeviceFile {
  std::string path;
  UniqueFd fd;  // O_DIRECT where the file takes it
  bool block_device = false;
  bool direct = false;         // O_DIRECT is on
  std::string why_not_direct;  // e.g. "tmpfs refuses O_DIRECT"; empty when direct
  std::uint32_t sector = 1;    // offsets and lengths of O_DIRECT requests are multiples of it; 1: not direct
  std::uint32_t memory_alignment = 1;  // of the buffers of O_DIRECT requests; 1: not direct
  std::uint64_t size = 0;              // bytes; of an image file its size after any extension
  std::uint64_t device_id = 0;  // st_rdev of a device, st_dev/st_ino mixed for a file: equal = same target
  std::uint64_t whole_disk_id = 0;  // of a partition: device_id of its disk; else device_id
};

// Whether writing the one changes bytes of the other: the same device or file, or a partition and its disk.
bool same_or_overlapping(const DeviceFile& a, const DeviceFile& b);

// Opens TARGET for writing, or refuses it: mounted (it or any partition of it), in use (O_EXCL, swap,
// holders, a loop device on it), read-only, smaller than needed, a directory, a character device. An image
// file is created sparse where its parent directory exists, and extended (never truncated) to needed_bytes;
// its new size and name are durable on return. The descriptor holds a device exclusively (O_EXCL), an image
// file by flock(2), until it is closed.
Result<DeviceFile> open_target(const std::string& path, std::uint64_t needed_bytes);

// Opens SOURCE read-only, a block device for O_DIRECT, an image file for the page cache; refused when smaller
// than needed_bytes. Being mounted is no reason to refuse a source.
Result<DeviceFile> open_source(const std::string& path, std::uint64_t needed_bytes);

// Opens SOURCE or TARGET as a Storage of `engine`, which must be one of make_disk_engine's and outlive it;
// `owner` comes back in each completion.
// open_source_storage also takes a directory of offset-named files, DIR/<hex> or DIR/<name>/<hex>, each of
// which must exist with the extent's length.
Result<std::unique_ptr<Storage>> open_target_storage(DiskEngine& engine, std::uint64_t owner,
                                                     DeviceFile target, const Metainfo& metainfo);
Result<std::unique_ptr<Storage>> open_source_storage(DiskEngine& engine, std::uint64_t owner,
                                                     const std::string& path, const Metainfo& metainfo);

}  // namespace ezio
