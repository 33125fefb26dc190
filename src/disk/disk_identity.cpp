#include "disk/disk_identity.hpp"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace ezio {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string trimmed(const std::string& text) {
  const std::string blank(" \t\n\0", 4);
  const auto first = text.find_first_not_of(blank);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

// The first of these files that says something.
std::string first_text(const fs::path& disk, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::string text = trimmed(bytes_of(disk / name)); !text.empty()) return text;
  }
  return {};
}

// SCSI and SATA: the page "unit serial number" of the vital product data, behind a header of four bytes.
std::string scsi_serial(const fs::path& disk) {
  const std::string page = bytes_of(disk / "device" / "vpd_pg80");
  return page.size() > 4 ? trimmed(page.substr(4)) : "";
}

std::string serial_of(const fs::path& disk) {
  const std::string serial = first_text(disk, {"device/serial", "serial"});  // NVMe and MMC, virtio
  return serial.empty() ? scsi_serial(disk) : serial;
}

std::string wwn_of(const fs::path& disk) {
  const std::string wwn = first_text(disk, {"wwid", "device/wwid"});  // NVMe, SCSI
  // The rest of the wwids are made of the model and the serial number.
  const bool worldwide = wwn.starts_with("naa.") || wwn.starts_with("eui.") || wwn.starts_with("uuid.");
  return worldwide ? wwn : "";
}

std::string model_of(const fs::path& disk) {
  const std::string vendor = first_text(disk, {"device/vendor"});
  const std::string model = first_text(disk, {"device/model", "device/name"});
  // "ATA" is who translates, and virtio has a number there.
  const bool says_something =
      !model.empty() && !vendor.empty() && vendor != "ATA" && !vendor.starts_with("0x");
  return says_something ? vendor + " " + model : model;
}

DiskIdentity identity_of(const fs::path& disk) {
  DiskIdentity identity{model_of(disk), serial_of(disk), wwn_of(disk), false};
  identity.removable = first_text(disk, {"removable"}) == "1" || first_text(disk, {"device/type"}) == "SD";
  return identity;
}

}  // namespace

DiskIdentity disk_identity(dev_t device, const std::string& sysfs) {
  std::error_code error;
  fs::path disk =
      fs::canonical(fmt::format("{}/dev/block/{}:{}", sysfs, major(device), minor(device)), error);
  if (error) return {};
  if (fs::exists(disk / "partition", error)) disk = disk.parent_path();
  return identity_of(disk);
}

std::string plain_wwn(const std::string& wwn) {
  std::string plain = wwn.substr(wwn.find('.') + 1);  // all of it where there is none
  std::transform(plain.begin(), plain.end(), plain.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return plain.starts_with("0x") ? plain.substr(2) : plain;
}

std::vector<ListedDisk> list_disks(const std::string& sysfs) {
  std::vector<ListedDisk> disks;
  std::error_code error;
  for (fs::directory_iterator entry(sysfs + "/block", error), end; !error && entry != end;
       entry.increment(error)) {
    if (first_text(entry->path(), {"size"}) == "0") continue;
    disks.push_back({entry->path().filename().string(), identity_of(entry->path())});
  }
  std::sort(disks.begin(), disks.end(),
            [](const ListedDisk& a, const ListedDisk& b) { return a.name < b.name; });
  return disks;
}

}  // namespace ezio
