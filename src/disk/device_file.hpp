// Opening a block device or image file, and finding out how O_DIRECT wants to be used on it.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

#include "bt/base/result.hpp"
#include "disk/unique_fd.hpp"

namespace ezio {

// By what two devices or files are found to share bytes. 0 stands for none.
struct DeviceIdentity {
  std::uint64_t device = 0;      // st_rdev of a device, st_dev/st_ino mixed for a file: equal = the same
  std::uint64_t whole_disk = 0;  // of a partition: device of its disk; else device
  std::uint64_t backing = 0;     // of a loop device: device of the file under it
};

// Whether writing the one changes bytes of the other: the same device or file, a partition and its disk, a
// loop device and the file under it, or two loop devices on one file.
bool same_or_overlapping(const DeviceIdentity& a, const DeviceIdentity& b);

// An opened block device or image file.
struct DeviceFile {
  std::string path;
  UniqueFd fd;  // O_DIRECT where `direct`
  bool block_device = false;
  bool direct = false;         // O_DIRECT is on
  bool rotational = false;     // on a disk that spins
  std::string why_not_direct;  // e.g. "tmpfs has no O_DIRECT"; empty when direct
  std::uint32_t sector = 1;    // offsets and lengths of O_DIRECT requests are multiples of it; 1: not direct
  std::uint32_t memory_alignment = 1;  // of the buffers of O_DIRECT requests; 1: not direct
  std::uint64_t size = 0;              // bytes; of an image file its size after any extension
  DeviceIdentity identity;
};

// The same with a descriptor of its own, which shares the claim on it. Throws std::system_error where there
// is no descriptor left.
DeviceFile duplicate(const DeviceFile& file);

// Equal for equal devices (or files), whatever path led there.
std::uint64_t identity(const struct stat& status);

// Why this is neither a block device nor an image file, and the remedy; empty when it is.
std::optional<std::string> refuse_kind(const struct stat& status);

// Opens a block device or regular file with these open(2) flags, without O_DIRECT, and fills in everything
// but what a partition's disk is and what lies under a loop device. `expected` is what the caller has checked
// before: if the path leads elsewhere by now, that is an error.
Result<DeviceFile> open_device_file(const std::string& path, int flags, const struct stat& expected);

// Decides about O_DIRECT once the size is final: sets direct, why_not_direct, sector and memory_alignment and
// the descriptor's flag. Reads at most one sector.
void choose_direct(DeviceFile& file);

}  // namespace ezio
