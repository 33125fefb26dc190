#include "disk/device_use.hpp"

#include <fmt/format.h>
#include <libmount/libmount.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "bt/base/printable.hpp"

namespace ezio {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// /sys/block/sda or /sys/block/sda/sda1, resolved; empty where sysfs has no such device.
fs::path sysfs_node(dev_t device, const UsePaths& paths) {
  std::error_code error;
  return fs::canonical(fmt::format("{}/dev/block/{}:{}", paths.sysfs, major(device), minor(device)), error);
}

std::optional<dev_t> device_of(const fs::path& node) {
  std::ifstream file(node / "dev");
  unsigned major_number = 0;
  unsigned minor_number = 0;
  char colon = 0;
  if (!(file >> major_number >> colon >> minor_number)) return std::nullopt;
  return makedev(major_number, minor_number);
}

std::vector<fs::path> entries(const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// A device by the name people know.
std::string shown_name(dev_t device, const UsePaths& paths) {
  const std::string name = device_name(device, paths);
  if (!name.empty()) return "/dev/" + name;
  return fmt::format("device {}:{}", major(device), minor(device));
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

std::optional<struct stat> status_of(const std::string& path) {
  struct stat status {};
  if (path.empty() || path.front() != '/' || ::stat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

// What writing the target would overwrite: device numbers, or one file.
struct Reach {
  std::vector<dev_t> devices;
  struct stat file {};
  bool is_device = false;

  std::optional<dev_t> includes_device(dev_t device) const {
    if (std::find(devices.begin(), devices.end(), device) == devices.end()) return std::nullopt;
    return device;
  }
  bool includes_path(const std::string& path) const {
    const auto status = status_of(path);
    if (!status) return false;
    if (is_device) return S_ISBLK(status->st_mode) && includes_device(status->st_rdev);
    return S_ISREG(status->st_mode) && same_file(*status, file);
  }
};

Reach reach_of(const struct stat& target, const UsePaths& paths) {
  Reach reach;
  reach.file = target;
  reach.is_device = S_ISBLK(target.st_mode);
  if (!reach.is_device) return reach;
  const DeviceFamily family = device_family(target.st_rdev, paths);
  reach.devices = family.partitions;
  reach.devices.insert(reach.devices.begin(), family.device);
  if (family.whole_disk != family.device) reach.devices.push_back(family.whole_disk);
  return reach;
}

// A table of libmount's; empty where it cannot be read.
class MountTable {
 public:
  enum class Of { mounts, swaps };
  MountTable(const std::string& path, Of what) : table_(mnt_new_table(), &mnt_unref_table) {
    if (table_ == nullptr) return;
    what == Of::mounts ? mnt_table_parse_file(table_.get(), path.c_str())
                       : mnt_table_parse_swaps(table_.get(), path.c_str());
  }

  // The first entry that is like this, valid as long as the table; else nullptr.
  template <class Like>
  libmnt_fs* find(const Like& like) const {
    const std::unique_ptr<libmnt_iter, decltype(&mnt_free_iter)> position(mnt_new_iter(MNT_ITER_FORWARD),
                                                                          &mnt_free_iter);
    if (table_ == nullptr || position == nullptr) return nullptr;
    for (libmnt_fs* entry = nullptr; mnt_table_next_fs(table_.get(), position.get(), &entry) == 0;) {
      if (like(entry)) return entry;
    }
    return nullptr;
  }

 private:
  std::unique_ptr<libmnt_table, decltype(&mnt_unref_table)> table_;
};

std::string source_of(libmnt_fs* entry) {
  const char* source = mnt_fs_get_source(entry);
  return source == nullptr ? "" : source;
}

std::optional<std::string> find_mount(const Reach& reach, const UsePaths& paths) {
  const MountTable mounts(paths.mountinfo, MountTable::Of::mounts);
  // By number, and by path: btrfs and others show a device number of their own.
  libmnt_fs* mount = mounts.find([&](libmnt_fs* entry) {
    return reach.includes_device(mnt_fs_get_devno(entry)) || reach.includes_path(source_of(entry));
  });
  if (mount == nullptr) return std::nullopt;
  return fmt::format("{} is mounted on {}: unmount it first", quoted(source_of(mount), 300),
                     quoted(mnt_fs_get_target(mount), 300));
}

std::optional<std::string> find_swap(const Reach& reach, const UsePaths& paths) {
  const MountTable swaps(paths.swaps, MountTable::Of::swaps);
  libmnt_fs* swap = swaps.find([&](libmnt_fs* entry) { return reach.includes_path(source_of(entry)); });
  if (swap == nullptr) return std::nullopt;
  return fmt::format("{0} is swap space: swapoff {0} first", quoted(source_of(swap), 300));
}

std::optional<std::string> find_holder(const Reach& reach, const UsePaths& paths) {
  for (dev_t device : reach.devices) {
    for (const fs::path& holder : entries(sysfs_node(device, paths) / "holders")) {
      return fmt::format("{} is part of {}: stop that (LVM, RAID, dm-crypt, multipath) first",
                         shown_name(device, paths), "/dev/" + holder.filename().string());
    }
  }
  return std::nullopt;
}

std::string backing_file(const fs::path& disk) {
  std::string path = read_text(disk / "loop" / "backing_file");
  if (!path.empty() && path.back() == '\n') path.pop_back();
  return path;
}

std::optional<std::string> find_loop(const Reach& reach, const UsePaths& paths) {
  for (const fs::path& disk : entries(paths.sysfs + "/block")) {
    if (!reach.includes_path(backing_file(disk))) continue;
    const std::string name = "/dev/" + disk.filename().string();
    return fmt::format("{} lies on it: use {} as target, or detach it (losetup -d {})", name, name, name);
  }
  return std::nullopt;
}

}  // namespace

std::string device_name(dev_t device, const UsePaths& paths) {
  return sysfs_node(device, paths).filename().string();
}

DeviceFamily device_family(dev_t device, const UsePaths& paths) {
  DeviceFamily family{device, device, {}};
  const fs::path node = sysfs_node(device, paths);
  if (node.empty()) return family;
  std::error_code error;
  if (fs::exists(node / "partition", error)) {
    family.whole_disk = device_of(node.parent_path()).value_or(device);
    return family;
  }
  for (const fs::path& entry : entries(node)) {
    if (!fs::exists(entry / "partition", error)) continue;
    if (const auto partition = device_of(entry)) family.partitions.push_back(*partition);
  }
  return family;
}

DeviceIdentity find_identity(const struct stat& status, const UsePaths& paths) {
  DeviceIdentity found{identity(status), identity(status), 0};
  if (!S_ISBLK(status.st_mode)) return found;
  found.whole_disk = device_family(status.st_rdev, paths).whole_disk;
  const auto backing = status_of(backing_file(sysfs_node(found.whole_disk, paths)));
  if (backing) found.backing = identity(*backing);
  return found;
}

std::optional<std::string> find_use(const struct stat& target, const UsePaths& paths) {
  const Reach reach = reach_of(target, paths);
  if (auto use = find_mount(reach, paths)) return use;
  if (auto use = find_swap(reach, paths)) return use;
  if (auto use = find_loop(reach, paths)) return use;
  return find_holder(reach, paths);
}

}  // namespace ezio
