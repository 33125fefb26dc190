// Who uses a block device or image file: mounts, swap, device mapper and RAID, loop devices.
//
// Reads /proc by way of libmount, and /sys; writes nothing.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "disk/device_file.hpp"

namespace ezio {

struct UsePaths {
  std::string sysfs = "/sys";
  std::string mountinfo = "/proc/self/mountinfo";
  std::string swaps = "/proc/swaps";
};

// A block device and those that share bytes with it.
struct DeviceFamily {
  dev_t device = 0;
  dev_t whole_disk = 0;           // the disk that it is a partition of; itself when it is none
  std::vector<dev_t> partitions;  // of it
};
DeviceFamily device_family(dev_t device, const UsePaths& paths = {});
// "sda1"; empty where sysfs has no such device.
std::string device_name(dev_t device, const UsePaths& paths = {});

DeviceIdentity find_identity(const struct stat& status, const UsePaths& paths = {});

// Why this device or file must not be written, with the remedy: "is mounted on '/mnt': unmount it first".
// Empty when nothing was found, which does not replace O_EXCL: other mount namespaces do not show here.
std::optional<std::string> find_use(const struct stat& target, const UsePaths& paths = {});

}  // namespace ezio
