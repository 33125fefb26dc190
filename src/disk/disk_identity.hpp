// What tells one disk from another: model, serial number, world wide name, as sysfs knows them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ezio {

struct DiskIdentity {
  std::string model;  // these three empty where the disk has none (loop devices)
  std::string serial;
  std::string wwn;         // "naa.5002538e00000000", "eui.…", as in sysfs
  bool removable = false;  // a stick or card that belongs to somebody, not to the machine
};

// Of a disk, or of the disk that a partition lies on.
DiskIdentity disk_identity(dev_t device, const std::string& sysfs = "/sys");

// One spelling of a world wide name: udev's 0x5002538e00000000 is sysfs' naa.5002538e00000000.
std::string plain_wwn(const std::string& wwn);

// Whole disks that have a size, by their names in sysfs ("sda").
struct ListedDisk {
  std::string name;
  DiskIdentity identity;
};
std::vector<ListedDisk> list_disks(const std::string& sysfs = "/sys");

}  // namespace ezio
