#include "disk/device_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "bt/base/errno_text.hpp"
#include "disk/rotational.hpp"
#include "disk/write_plan.hpp"

namespace ezio {
namespace {

// Where the kernel does not say (statx STATX_DIOALIGN came with Linux 6.1): satisfies every file system whose
// device has sectors of 512 or 4096 bytes.
constexpr std::uint32_t careful_alignment = 4096;
// Devices tell down to 4 bytes, but what lies below a loop or mapped device may want a sector.
constexpr std::uint32_t least_memory_alignment = 512;

struct Requirements {
  std::uint32_t sector = careful_alignment;
  std::uint32_t memory = careful_alignment;
  std::string refused;  // why there is no O_DIRECT
};

bool is_tmpfs(int fd) {
  struct statfs fs {};
  return ::fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

Requirements requirements(const DeviceFile& file) {
  Requirements needs;
  // It takes the flag since Linux 6.6, and copies through the page cache all the same.
  if (!file.block_device && is_tmpfs(file.fd.get())) return {1, 1, "tmpfs has no O_DIRECT"};
  struct statx status {};
  if (::statx(file.fd.get(), "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
      (status.stx_mask & STATX_DIOALIGN) != 0) {
    if (status.stx_dio_offset_align == 0) return {1, 1, "the file system has no O_DIRECT for it"};
    needs = {status.stx_dio_offset_align, std::max(status.stx_dio_mem_align, least_memory_alignment), {}};
  }
  int sector = 0;
  if (file.block_device && ::ioctl(file.fd.get(), BLKSSZGET, &sector) == 0 && sector > 0) {
    needs.sector = static_cast<std::uint32_t>(sector);
  }
  if (!std::has_single_bit(needs.sector) || !std::has_single_bit(needs.memory) ||
      needs.sector > bounce_bytes) {
    return {1, 1, fmt::format("O_DIRECT would need multiples of {} bytes", needs.sector)};
  }
  return needs;
}

bool set_direct_flag(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && ::fcntl(fd, F_SETFL, flags | O_DIRECT) == 0;
}

void clear_direct_flag(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_DIRECT);
}

// Some file systems take the flag and refuse the transfer.
bool direct_read_works(int fd, const Requirements& needs) {
  const std::size_t alignment = std::max<std::size_t>(needs.memory, needs.sector);
  const std::unique_ptr<void, decltype(&std::free)> buffer(std::aligned_alloc(alignment, alignment),
                                                           &std::free);
  return buffer && (::pread(fd, buffer.get(), needs.sector, 0) >= 0 || errno != EINVAL);
}

std::string turn_direct_on(const DeviceFile& file, const Requirements& needs) {
  if (!needs.refused.empty()) return needs.refused;
  if (file.size % needs.sector != 0) {
    // The last sector could only be written whole, which would make the file longer.
    return fmt::format("its size is no multiple of {} bytes", needs.sector);
  }
  if (!set_direct_flag(file.fd.get())) return "the file system has no O_DIRECT";
  if (direct_read_works(file.fd.get(), needs)) return {};
  clear_direct_flag(file.fd.get());
  return "the file system refuses O_DIRECT transfers";
}

Result<std::uint64_t> size_of(const std::string& path, int fd, const struct stat& status) {
  if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
  std::uint64_t bytes = 0;
  if (::ioctl(fd, BLKGETSIZE64, &bytes) != 0) return path_errno(path, "cannot read the device's size", errno);
  return bytes;
}

}  // namespace

DeviceFile duplicate(const DeviceFile& file) {
  UniqueFd fd(::fcntl(file.fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd) throw std::system_error(errno, std::generic_category(), "dup");
  return {file.path,           std::move(fd), file.block_device,     file.direct, file.rotational,
          file.why_not_direct, file.sector,   file.memory_alignment, file.size,   file.identity};
}

std::uint64_t identity(const struct stat& status) {
  if (S_ISBLK(status.st_mode)) return status.st_rdev;
  // Spread over the high bits, out of the way of device numbers.
  const std::uint64_t mixed = (status.st_ino + 0x9E3779B97F4A7C15u * status.st_dev) * 0xBF58476D1CE4E5B9u;
  return mixed | (std::uint64_t{1} << 63);
}

std::optional<std::string> refuse_kind(const struct stat& status) {
  if (S_ISBLK(status.st_mode) || S_ISREG(status.st_mode)) return std::nullopt;
  const std::string remedy = "give a block device or an image file";
  if (S_ISDIR(status.st_mode)) return "is a directory: " + remedy;
  if (S_ISCHR(status.st_mode)) return "is a character device: " + remedy;
  return "is neither a block device nor a regular file: " + remedy;
}

bool same_or_overlapping(const DeviceIdentity& a, const DeviceIdentity& b) {
  if (a.device == b.device || a.whole_disk == b.device || b.whole_disk == a.device) return true;
  if (a.backing == b.device || b.backing == a.device) return true;
  return a.backing != 0 && a.backing == b.backing && a.whole_disk != b.whole_disk;
}

Result<DeviceFile> open_device_file(const std::string& path, int flags, const struct stat& expected) {
  DeviceFile file;
  file.path = path;
  file.fd = UniqueFd(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY));
  if (!file.fd) return path_errno(path, "cannot open", errno);
  struct stat status {};
  if (::fstat(file.fd.get(), &status) != 0) return path_errno(path, "cannot stat", errno);
  const bool same =
      (status.st_mode & S_IFMT) == (expected.st_mode & S_IFMT) && identity(status) == identity(expected);
  if (!same) return path_error(path, "was replaced while it was being checked");
  file.block_device = S_ISBLK(status.st_mode);
  file.rotational = is_rotational(status);
  file.identity.device = file.identity.whole_disk = identity(status);
  auto size = size_of(path, file.fd.get(), status);
  if (!size) return size.error();
  file.size = *size;
  return file;
}

void choose_direct(DeviceFile& file) {
  const Requirements needs = requirements(file);
  file.why_not_direct = turn_direct_on(file, needs);
  file.direct = file.why_not_direct.empty();
  file.sector = file.direct ? needs.sector : 1;
  file.memory_alignment = file.direct ? needs.memory : 1;
}

}  // namespace ezio
