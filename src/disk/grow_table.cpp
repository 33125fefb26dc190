#include "disk/grow_table.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "bt/base/errno_text.hpp"
#include "disk/boot_record.hpp"
#include "disk/fdisk_context.hpp"

namespace ezio {
namespace {

using Partition = std::unique_ptr<fdisk_partition, decltype(&fdisk_unref_partition)>;

constexpr std::uint64_t most_mbr_sectors = 0xffff'ffff;  // both begin and length have 32 bits
constexpr std::uint64_t gpt_entry_bytes = 128;           // libfdisk takes no others

Result<FdiskContext> open_table(int fd, const std::string& path, FdiskAccess access) {
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  auto context = open_fdisk(fd, path, access);
  if (!context) return context.error();
  if (fdisk_is_label(context->get(), GPT) == 0 && fdisk_is_label(context->get(), DOS) == 0)
    return path_error(path, "has neither a GPT nor an MBR");
  return context;
}

// Where partitions may end. A GPT's own word is of the disk that it was made for: its backup moves.
std::uint64_t end_of(fdisk_context* context) {
  const std::uint64_t sectors = fdisk_get_nsectors(context);
  if (fdisk_is_label(context, GPT) == 0) return std::min(sectors, most_mbr_sectors);
  const std::uint64_t sector_bytes = fdisk_get_sector_size(context);
  const std::uint64_t entries = fdisk_get_npartitions(context) * gpt_entry_bytes;
  const std::uint64_t backup = (entries + sector_bytes - 1) / sector_bytes + 1;
  return sectors > backup ? sectors - backup : 0;
}

std::optional<GrowPartition> entry_of(fdisk_partition* entry) {
  if (!has_place(entry)) return std::nullopt;
  GrowPartition partition;
  partition.number = static_cast<std::uint32_t>(fdisk_partition_get_partno(entry) + 1);
  partition.start = fdisk_partition_get_start(entry);
  partition.sectors = fdisk_partition_get_size(entry);
  partition.extended = fdisk_partition_is_container(entry) != 0;
  partition.logical = fdisk_partition_is_nested(entry) != 0;
  return partition;
}

Result<void> set_end(fdisk_context* context, const std::string& path, const GrowPartition& partition,
                     std::uint64_t end) {
  const Partition wanted(fdisk_new_partition(), &fdisk_unref_partition);
  if (!wanted) return path_error(path, "libfdisk has no memory");
  fdisk_partition_set_size(wanted.get(), end - partition.start);
  const int error = fdisk_set_partition(context, partition.number - 1, wanted.get());
  if (error == 0) return {};
  return path_errno(path, fmt::format("its partition {} cannot be enlarged", partition.number), -error);
}

// libfdisk leaves the length that the record before names for the one of the last partition as it was, which
// others than Linux believe.
Result<void> lengthen_link(int fd, const std::string& path, const GrowPlan& plan, std::uint32_t sector) {
  const std::uint64_t first = plan.extended->start;
  std::uint64_t at = first;
  for (int i = 0; i < most_boot_records; ++i) {
    auto record = BootRecord::read(fd, path, at * sector);
    if (!record) return record.error();
    if (!record->valid()) return path_error(path, "an extended boot record is damaged");
    for (std::size_t index = 0; index < 4; ++index) {
      const auto entry = record->entry(index);
      if (!entry.link && entry.sectors > 0 && at + entry.start == plan.last.start) return {};
    }
    const auto link = record->link();
    if (!link) return {};
    const auto entry = record->entry(*link);
    const std::uint64_t next = first + entry.start;
    // The last partition's record is the one that lies before it, with nothing between.
    if (next < plan.last.start && next + entry.sectors >= plan.last.end()) {
      const auto sectors = static_cast<std::uint32_t>(plan.new_end - next);  // both are 32 bits in an MBR
      if (auto done = record->write_sectors(*link, sectors); !done) return done;
    }
    at = next;
  }
  return path_error(path, "its extended boot records run in a circle");
}

}  // namespace

Result<GrowTable> read_grow_table(int fd, const std::string& path) {
  const auto context = open_table(fd, path, FdiskAccess::read);
  if (!context) return context.error();
  GrowTable table;
  table.sector_bytes = static_cast<std::uint32_t>(fdisk_get_sector_size(context->get()));
  table.end = end_of(context->get());
  const auto entries = fdisk_partitions(*context, path);
  if (!entries) return entries.error();
  for (std::size_t i = 0; i < fdisk_table_get_nents(entries->get()); ++i) {
    if (auto partition = entry_of(fdisk_table_get_partition(entries->get(), i)))
      table.partitions.push_back(*partition);
  }
  return table;
}

Result<void> write_growth(int fd, const std::string& path, const GrowPlan& plan) {
  const auto context = open_table(fd, path, FdiskAccess::write);
  if (!context) return context.error();
  if (plan.extended && plan.extended->end() < plan.new_end) {
    if (auto done = set_end(context->get(), path, *plan.extended, plan.new_end); !done) return done;
  }
  if (auto done = set_end(context->get(), path, plan.last, plan.new_end); !done) return done;
  if (const int error = fdisk_write_disklabel(context->get()); error != 0)
    return path_errno(path, "its partition table cannot be written", -error);
  if (plan.extended) {
    const auto sector = static_cast<std::uint32_t>(fdisk_get_sector_size(context->get()));
    if (auto done = lengthen_link(fd, path, plan, sector); !done) return done;
  }
  if (::fsync(fd) != 0) return path_errno(path, "cannot flush its partition table", errno);
  return {};
}

}  // namespace ezio
