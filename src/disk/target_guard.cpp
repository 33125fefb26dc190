#include "disk/target_guard.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <filesystem>

#include "bt/base/errno_text.hpp"
#include "bt/base/printable.hpp"
#include "disk/device_file.hpp"
#include "disk/device_use.hpp"
#include "disk/signatures.hpp"

namespace ezio {
namespace {

constexpr std::string_view by_serial = "serial=";
constexpr std::string_view by_wwn = "wwn=";

std::string or_none(const std::string& text) {
  return text.empty() ? "none" : ezio::quoted(text);
}

// sysfs writes / of a name as !, and a partition of nvme0n1 is nvme0n1p2.
std::string device_path(std::string name, const std::string& partition) {
  std::replace(name.begin(), name.end(), '!', '/');
  if (!partition.empty() && name.back() >= '0' && name.back() <= '9') name += 'p';
  return "/dev/" + name + partition;
}

// Takes "-part2" off the end of a name and returns the "2".
std::string take_partition(std::string& name) {
  const auto at = name.rfind("-part");
  if (at == std::string::npos) return {};
  const std::string number = name.substr(at + 5);
  if (number.empty() || number.find_first_not_of("0123456789") != std::string::npos) return {};
  name.resize(at);
  return number;
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string size_text(std::uint64_t bytes) {
  const double exact = static_cast<double>(bytes);
  if (bytes < 1'000'000'000) return fmt::format("{:.1f} MB ({:.1f} MiB)", exact / 1e6, exact / (1 << 20));
  return fmt::format("{:.1f} GB ({:.1f} GiB)", exact / 1e9, exact / (1 << 30));
}

void add_identity(const DiskIdentity& disk, std::vector<std::string>& words) {
  words.push_back(disk.model.empty() ? "no model" : printable(disk.model));
  words.push_back(disk.serial.empty() ? "no serial number" : "serial " + printable(disk.serial));
  if (!disk.wwn.empty()) words.push_back("wwn " + printable(disk.wwn));
  if (disk.removable) words.push_back("removable");
}

// What is found there, and a note for each member of something larger.
std::string contents(const std::string& path, int fd, std::vector<std::string>& notes) {
  const auto found = find_signatures(fd);
  if (!found) return "what cannot be read";
  for (const Signature& signature : *found) {
    if (signature.kind != Signature::Kind::member) continue;
    notes.push_back(fmt::format("{} is a member of something that is not active ({}{}): that loses it",
                                printable(path, 4096), printable(signature.type),
                                signature.label.empty() ? "" : " " + ezio::quoted(signature.label)));
  }
  return describe(*found);
}

void add_partitions(dev_t disk, const std::string& sysfs, TargetDescription& description) {
  for (dev_t partition : device_family(disk, {.sysfs = sysfs}).partitions) {
    const std::string path = "/dev/" + device_name(partition, {.sysfs = sysfs});
    struct stat status {};
    // A partition table may be full of names that /dev does not have.
    if (::stat(path.c_str(), &status) != 0 || !S_ISBLK(status.st_mode) || status.st_rdev != partition)
      continue;
    if (const auto file = open_device_file(path, O_RDONLY, status))
      description.partitions.push_back({path, contents(path, file->fd.get(), description.notes)});
  }
}

}  // namespace

bool TargetGuards::ask_for_a_disk() const {
  return !serials.empty() || !model.empty() || least_bytes > 0 ||
         most_bytes < std::numeric_limits<std::uint64_t>::max();
}

Result<std::string> target_path(const std::string& target, const std::string& sysfs) {
  const bool serial = target.starts_with(by_serial);
  if (!serial && !target.starts_with(by_wwn)) return {boost::system::in_place_value, target};
  std::string wanted = target.substr(serial ? by_serial.size() : by_wwn.size());
  const std::string partition = take_partition(wanted);
  const std::string name = serial ? wanted : plain_wwn(wanted);
  if (name.empty()) return path_error(target, "names nothing: give a serial number or world wide name");
  std::vector<std::string> found;
  for (const ListedDisk& disk : list_disks(sysfs)) {
    const std::string has = serial ? disk.identity.serial : plain_wwn(disk.identity.wwn);
    if (has == name) found.push_back(device_path(disk.name, partition));
  }
  if (found.empty()) return path_error(target, "no disk of this machine has it: see lsblk -o +SERIAL,WWN");
  if (found.size() > 1) {
    return path_error(target, fmt::format("several disks have it ({}): give one by its path", joined(found)));
  }
  return {boost::system::in_place_value, found.front()};
}

std::optional<Error> refuse_guarded(const std::string& path, const struct stat& status, std::uint64_t bytes,
                                    const TargetGuards& guards, const std::string& sysfs) {
  if (!S_ISBLK(status.st_mode)) {
    if (!guards.ask_for_a_disk()) return std::nullopt;
    return path_error(path, "is no disk: --target-serial, --target-model and --target-size are of disks");
  }
  const DiskIdentity disk = disk_identity(status.st_rdev, sysfs);
  const auto& serials = guards.serials;
  if (!serials.empty() && std::find(serials.begin(), serials.end(), disk.serial) == serials.end()) {
    return path_error(
        path, fmt::format("its serial number is {}, not {} as --target-serial says: this is another disk",
                          or_none(disk.serial), printable(joined(serials), 300)));
  }
  if (!guards.model.empty() && ::fnmatch(guards.model.c_str(), disk.model.c_str(), FNM_CASEFOLD) != 0) {
    return path_error(path,
                      fmt::format("its model is {}, not {} as --target-model says: this is another disk",
                                  or_none(disk.model), ezio::quoted(guards.model)));
  }
  if (bytes < guards.least_bytes || bytes > guards.most_bytes) {
    return path_error(path,
                      fmt::format("has {} bytes, which --target-size excludes: this is another disk", bytes));
  }
  if (disk.removable && !guards.allow_removable)
    return path_error(path, "is removable: if it is meant, say --allow-removable");
  return std::nullopt;
}

TargetDescription describe_target(const std::string& path, const std::string& sysfs) {
  TargetDescription description{.path = path};
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return description;
  const bool device = S_ISBLK(status.st_mode);
  description.kind = device ? TargetDescription::Kind::device : TargetDescription::Kind::file;
  if (device) description.disk = disk_identity(status.st_rdev, sysfs);
  if (const auto file = open_device_file(path, O_RDONLY, status)) {
    description.bytes = file->size;
    description.holds = contents(path, file->fd.get(), description.notes);
  }
  if (device) add_partitions(status.st_rdev, sysfs, description);
  return description;
}

std::string overwriting_line(const TargetDescription& description, std::string_view verb) {
  const std::string path = printable(description.path, 4096);
  if (description.kind == TargetDescription::Kind::missing)
    return fmt::format("{} {} be made: a new file", path, verb);
  std::vector<std::string> words;
  if (description.kind == TargetDescription::Kind::device) {
    add_identity(description.disk, words);
  } else {
    words.push_back("a file");
  }
  if (description.bytes) {
    words.push_back(size_text(*description.bytes));
    words.push_back("holds " + description.holds);
  }
  for (const auto& partition : description.partitions)
    words.push_back(fmt::format("{} {}", printable(partition.path), partition.holds));
  return fmt::format("{} {} be overwritten: {}", path, verb, joined(words));
}

}  // namespace ezio
