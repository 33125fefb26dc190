#include "disk/target.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>

#include "bt/base/errno_text.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "disk/device_use.hpp"

namespace ezio {
namespace {

// New images hold whatever the cloned disk holds, its password hashes too.
constexpr mode_t new_image_mode = 0600;

// What the user can do about a refused open(2).
Error explain_open(const std::string& path, const Error& error) {
  switch (error.code) {
    case EBUSY:
      return path_error(path, "is in use (exclusive open: EBUSY): stop what uses it, see lsblk", EBUSY);
    case ETXTBSY:
      return path_error(path, "is in use as swap space or a running program: stop that first", ETXTBSY);
    case EROFS:
      return path_error(path, "is read-only: make it writable, or choose another target", EROFS);
    case EACCES:
    case EPERM:
      return path_error(path,
                        fmt::format("may not be written ({}): run as root, check that it is not read-only",
                                    errno_text(error.code)),
                        error.code);
    default:
      return error;
  }
}

Result<DeviceFile> open_block_device(const std::string& path, const struct stat& status,
                                     std::uint64_t needed_bytes) {
  // O_EXCL: the kernel refuses what is mounted in any namespace, and nobody can mount it while we hold it.
  // That covers the partitions of a disk and the disk of a partition as well (open(2), "O_EXCL").
  auto file = open_device_file(path, O_RDWR | O_EXCL, status);
  if (!file) return explain_open(path, file.error());
  int read_only = 0;
  if (::ioctl(file->fd.get(), BLKROGET, &read_only) != 0)
    return path_errno(path, "cannot ask whether it is read-only", errno);
  if (read_only != 0)
    return path_error(path, "is read-only: blockdev --setrw, or choose another target", EROFS);
  if (file->size < needed_bytes) {
    return path_error(path, fmt::format("has {} bytes, the torrent needs {}, {} more: choose a larger target",
                                        file->size, needed_bytes, needed_bytes - file->size));
  }
  file->identity = find_identity(status);
  return file;
}

Result<void> extend(DeviceFile& file, std::uint64_t bytes) {
  if (::ftruncate(file.fd.get(), static_cast<off_t>(bytes)) != 0) {
    return path_errno(file.path, fmt::format("cannot extend to {} bytes", bytes), errno);
  }
  if (::fsync(file.fd.get()) != 0) return path_errno(file.path, "cannot make its size durable", errno);
  file.size = bytes;
  return {};
}

Result<DeviceFile> open_image(const std::string& path, const struct stat& status) {
  auto file = open_device_file(path, O_RDWR, status);
  if (!file) return explain_open(path, file.error());
  if (::flock(file->fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return path_error(path, "is in use: another program holds a lock on it, stop that first", errno);
  }
  return file;
}

// What is there, as it is.
Result<DeviceFile> open_existing(const std::string& path, const struct stat& status,
                                 std::uint64_t needed_bytes) {
  return S_ISBLK(status.st_mode) ? open_block_device(path, status, needed_bytes) : open_image(path, status);
}

// A target as it is to be written.
Result<DeviceFile> finish_opening(Result<DeviceFile> file, std::uint64_t needed_bytes) {
  if (!file) return file;
  if (file->size < needed_bytes) {
    if (auto extended = extend(*file, needed_bytes); !extended) return extended.error();
  }
  choose_direct(*file);
  return file;
}

std::string parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent;
}

// A mistyped device name would otherwise become an image file in memory. (/dev/shm is another file system.)
bool is_device_directory(const std::string& directory, const struct stat& status) {
  std::error_code error;
  const std::string real = std::filesystem::canonical(directory, error);
  struct stat dev {};
  return (real == "/dev" || real.starts_with("/dev/")) && ::stat("/dev", &dev) == 0 &&
         dev.st_dev == status.st_dev;
}

std::optional<Error> refuse_creation(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0)
    return path_error(path, "is a symbolic link to nothing: correct the link");
  if (path.empty() || path.back() == '/') return path_error(path, "does not exist");
  const std::string parent = parent_of(path);
  if (::stat(parent.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return path_error(path, fmt::format("does not exist, and neither does its directory: create {} first",
                                        quoted(parent, 300)));
  }
  if (is_device_directory(parent, status)) return path_error(path, "no such device: see lsblk", ENOENT);
  return std::nullopt;
}

// "sda1" is a slip for /dev/sda1 more often than the name of an image.
Error refuse_missing(const std::string& path) {
  struct stat status {};
  const std::string device = "/dev/" + path;
  const bool slip =
      path.find('/') == std::string::npos && ::stat(device.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
  if (slip) {
    return path_error(
        path,
        fmt::format("does not exist; did you mean {}? --create makes an image file", printable(device, 300)),
        ENOENT);
  }
  return path_error(path, "does not exist: correct the name, or make an image file of it with --create",
                    ENOENT);
}

// So that the new name survives a crash as well (fsync(2)).
Result<void> sync_parent(const std::string& path) {
  const UniqueFd parent(::open(parent_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent || ::fsync(parent.get()) != 0) return path_errno(path, "cannot make its name durable", errno);
  return {};
}

std::optional<Error> refuse_size(const std::string& path, std::uint64_t needed_bytes) {
  if (needed_bytes < max_device_bytes) return std::nullopt;
  return path_error(path, fmt::format("cannot hold {} bytes", needed_bytes), EFBIG);
}

Result<DeviceFile> create_image(const std::string& path, std::uint64_t needed_bytes) {
  if (auto refused = refuse_size(path, needed_bytes)) return *refused;
  {
    const UniqueFd created(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, new_image_mode));
    if (!created) return path_errno(path, "cannot create", errno);
  }
  const auto finish = [&]() -> Result<DeviceFile> {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return path_errno(path, "cannot stat", errno);
    auto image = finish_opening(open_image(path, status), needed_bytes);
    if (!image) return image;
    if (auto synced = sync_parent(path); !synced) return synced.error();
    return image;
  };
  auto image = finish();
  if (!image) ::unlink(path.c_str());
  return image;
}

}  // namespace

std::optional<Error> refuse_target(const std::string& path, Missing missing) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) return path_errno(path, "cannot stat", errno);
    if (auto refused = refuse_creation(path)) return refused;
    if (missing == Missing::refuse) return refuse_missing(path);
    return std::nullopt;
  }
  if (auto reason = refuse_kind(status)) return path_error(path, *reason);
  if (auto use = find_use(status)) return path_error(path, *use, EBUSY);
  return std::nullopt;
}

Result<DeviceFile> open_target(const std::string& path, std::uint64_t needed_bytes, Missing missing) {
  if (auto refused = refuse_target(path, missing)) return *refused;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return create_image(path, needed_bytes);
  return finish_opening(open_existing(path, status, needed_bytes), needed_bytes);
}

Result<TargetPreview> preview_target(const std::string& path, std::uint64_t needed_bytes, Missing missing) {
  if (auto refused = refuse_target(path, missing)) return *refused;
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    auto file = open_existing(path, status, needed_bytes);
    if (!file) return file.error();
    const std::uint64_t size = std::max(file->size, needed_bytes);
    return TargetPreview{std::move(*file), size};
  }
  if (auto refused = refuse_size(path, needed_bytes)) return *refused;
  if (::faccessat(AT_FDCWD, parent_of(path).c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    return path_errno(path, "cannot create", errno);
  return TargetPreview{std::nullopt, needed_bytes};
}

}  // namespace ezio
