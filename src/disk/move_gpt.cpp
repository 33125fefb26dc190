#include "disk/move_gpt.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "bt/base/errno_text.hpp"
#include "disk/fdisk_context.hpp"
#include "disk/partition_table.hpp"

namespace ezio {
namespace {

// Of the first sectors: boot code, header and entries lie in less.
constexpr std::uint64_t most_front_bytes = MiB;

// libfdisk reads and writes in its own way: through the page cache, which then must not keep what the engine
// has written past it.
Result<DeviceFile> through_the_cache(const DeviceFile& disk) {
  DeviceFile file = duplicate(disk);
  file.fd = UniqueFd(::open(fmt::format("/proc/self/fd/{}", disk.fd.get()).c_str(), O_RDWR | O_CLOEXEC));
  if (!file.fd) return path_errno(disk.path, "cannot be opened once more", errno);
  ::posix_fadvise(file.fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  return file;
}

Result<void> keep(const DeviceFile& disk, const Extent& part, KeptBytes& kept) {
  std::vector<std::byte> bytes(part.length);
  const ssize_t got = ::pread(disk.fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(part.offset));
  if (got != static_cast<ssize_t>(bytes.size()))
    return path_errno(disk.path, "its partition table cannot be read", got < 0 ? errno : EIO);
  kept.keep(part.offset, std::move(bytes));
  return {};
}

// libfdisk puts the backup where it belongs whenever it writes.
Result<void> write_table(const DeviceFile& disk) {
  const auto context = open_fdisk(disk.fd.get(), disk.path, FdiskAccess::write);
  if (!context) return context.error();
  const int error = fdisk_write_disklabel(context->get());
  if (error != 0) return path_errno(disk.path, "libfdisk cannot move the backup of its GPT", -error);
  return {};
}

Result<void> clear(const DeviceFile& disk, const Extent& part) {
  const std::vector<std::byte> zeros(part.length);
  const ssize_t put = ::pwrite(disk.fd.get(), zeros.data(), zeros.size(), static_cast<off_t>(part.offset));
  if (put == static_cast<ssize_t>(zeros.size())) return {};
  return path_errno(disk.path, "where the backup of its GPT was cannot be cleared", put < 0 ? errno : ENOSPC);
}

// The disk's answer, not the cache's.
Result<void> check(const DeviceFile& disk, const PartitionTable& before) {
  if (::fsync(disk.fd.get()) != 0) return path_errno(disk.path, "cannot be flushed", errno);
  ::posix_fadvise(disk.fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  const auto table = read_partition_table(disk);
  if (!table) return table.error();
  const auto places = [](const PartitionTable& of) {
    std::vector<Extent> out;
    for (const TablePartition& partition : of.partitions) out.push_back({partition.offset, partition.length});
    return out;
  };
  if (!*table || (*table)->disk_bytes != disk.size / before.sector_bytes * before.sector_bytes ||
      places(**table) != places(before))
    return path_error(disk.path, "its GPT, read again, is not what was written");
  return {};
}

}  // namespace

Result<std::optional<std::string>> move_backup_gpt(const DeviceFile& disk, KeptBytes& kept) {
  const auto file = through_the_cache(disk);
  if (!file) return file.error();
  const auto table = read_partition_table(*file);
  if (!table) return table.error();
  if (!*table || (*table)->type != "gpt" || (*table)->disk_bytes + (*table)->sector_bytes > file->size)
    return std::optional<std::string>();
  const Extent front{0, std::min((*table)->own.front().length, most_front_bytes)};
  const Extent backup = (*table)->own.back();
  for (const Extent& part : {front, backup}) {
    if (auto done = keep(*file, part, kept); !done) return done.error();
  }
  if (auto done = write_table(*file); !done) return done.error();
  // On a disk that is hardly larger the old place and the new one overlap.
  const std::uint64_t new_backup =
      file->size / (*table)->sector_bytes * (*table)->sector_bytes - backup.length;
  if (backup.offset < new_backup) {
    const Extent old{backup.offset, std::min(backup.length, new_backup - backup.offset)};
    if (auto done = clear(*file, old); !done) return done.error();
  }
  if (auto done = check(*file, **table); !done) return done.error();
  return std::optional(fmt::format("the backup of its partition table is moved to its end, {} bytes on",
                                   new_backup - backup.offset));
}

}  // namespace ezio
