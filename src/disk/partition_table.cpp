#include "disk/partition_table.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string_view>

#include "bt/base/errno_text.hpp"
#include "bt/base/little_endian.hpp"
#include "disk/boot_record.hpp"
#include "disk/fdisk_context.hpp"

namespace ezio {
namespace {

constexpr std::string_view gpt_magic = "EFI PART";
constexpr std::size_t gpt_header_bytes = 92;
constexpr std::uint64_t most_sector_bytes = 64 * KiB;

class TableReader {
 public:
  TableReader(const DeviceFile& disk, FdiskContext context) : disk_(disk), context_(std::move(context)) {}

  Result<std::optional<PartitionTable>> run();

 private:
  Result<void> read_partitions();
  Result<void> add_partition(fdisk_partition* entry);
  Result<void> find_gpt_bytes();
  Result<void> follow_extended(std::uint64_t first);
  Result<void> read(std::uint64_t offset, MutableBytes data) const;
  void take_front(std::uint64_t least);
  Error refused(std::string_view what) const { return path_error(disk_.path, what); }

  const DeviceFile& disk_;
  FdiskContext context_;
  PartitionTable table_;
  std::vector<std::uint64_t> containers_;  // of logical partitions: where they begin, bytes
};

Result<std::optional<PartitionTable>> TableReader::run() {
  if (fdisk_has_label(context_.get()) == 0) return std::optional<PartitionTable>();
  if (disk_.size < most_sector_bytes) return refused("is too small for a partition table");
  table_.type = fdisk_label_get_name(fdisk_get_label(context_.get(), nullptr));
  table_.sector_bytes = static_cast<std::uint32_t>(fdisk_get_sector_size(context_.get()));
  const bool is_gpt = fdisk_is_label(context_.get(), GPT) != 0;
  if (!is_gpt && fdisk_is_label(context_.get(), DOS) == 0)
    return refused(fmt::format("has a partition table of kind {}; only gpt and dos are known", table_.type));
  if (auto done = read_partitions(); !done) return done.error();
  if (is_gpt) {
    if (auto done = find_gpt_bytes(); !done) return done.error();
  } else {
    take_front(table_.sector_bytes);
    for (const TablePartition& partition : table_.partitions)
      table_.disk_bytes = std::max(table_.disk_bytes, partition.offset + partition.length);
    for (const std::uint64_t container : containers_) {
      if (auto done = follow_extended(container); !done) return done.error();
    }
  }
  std::ranges::sort(table_.own);
  return std::optional(std::move(table_));
}

Result<void> TableReader::read_partitions() {
  const auto entries = fdisk_partitions(context_, disk_.path);
  if (!entries) return entries.error();
  for (std::size_t i = 0; i < fdisk_table_get_nents(entries->get()); ++i) {
    if (auto done = add_partition(fdisk_table_get_partition(entries->get(), i)); !done) return done;
  }
  std::ranges::sort(table_.partitions, {}, &TablePartition::offset);
  for (std::size_t i = 1; i < table_.partitions.size(); ++i) {
    const TablePartition& before = table_.partitions[i - 1];
    if (before.offset + before.length > table_.partitions[i].offset)
      return refused(
          fmt::format("its partitions {} and {} overlap", before.number, table_.partitions[i].number));
  }
  return {};
}

Result<void> TableReader::add_partition(fdisk_partition* entry) {
  if (!has_place(entry)) return {};
  TablePartition partition;
  partition.number = static_cast<std::uint32_t>(fdisk_partition_get_partno(entry) + 1);
  const std::uint64_t begin = fdisk_partition_get_start(entry), count = fdisk_partition_get_size(entry);
  if (count == 0) return {};
  const std::uint64_t sectors = disk_.size / table_.sector_bytes;
  if (begin >= sectors || count > sectors - begin)
    return refused(fmt::format("its partition {} ends behind the disk", partition.number));
  partition.offset = begin * table_.sector_bytes;
  partition.length = count * table_.sector_bytes;
  if (fdisk_partition_is_container(entry) != 0) {
    containers_.push_back(partition.offset);
    return {};
  }
  if (const char* name = fdisk_partition_get_name(entry)) partition.name = name;
  table_.partitions.push_back(std::move(partition));
  return {};
}

// Boot code, the table, and what a boot loader has put behind it.
void TableReader::take_front(std::uint64_t least) {
  std::uint64_t end = disk_.size;
  if (!table_.partitions.empty()) end = table_.partitions.front().offset;
  for (const std::uint64_t container : containers_) end = std::min(end, container);
  end = std::max(std::min(end, most_gap_bytes), least);
  table_.own.push_back({0, end});
  table_.disk_bytes = end;
}

// libfdisk shows a backup where it ought to be; the header says where it is.
Result<void> TableReader::find_gpt_bytes() {
  std::array<std::byte, gpt_header_bytes> header;
  const std::uint64_t sector = table_.sector_bytes;
  if (auto done = read(sector, header); !done) return done;
  if (as_text(Bytes(header)).substr(0, gpt_magic.size()) != gpt_magic)
    return refused("its first GPT is damaged: have it repaired (sfdisk or gdisk, and write) before");
  const std::uint64_t backup = load64(Bytes(header).subspan(32));
  const std::uint64_t first_entry = load64(Bytes(header).subspan(72));
  const std::uint64_t entry_bytes =
      std::uint64_t{load32(Bytes(header).subspan(80))} * load32(Bytes(header).subspan(84));
  const std::uint64_t entry_sectors = (entry_bytes + sector - 1) / sector;
  const std::uint64_t sectors = disk_.size / sector;
  if (entry_bytes > most_gap_bytes || first_entry > sectors || backup >= sectors || backup < entry_sectors)
    return refused("its GPT points beyond the disk");
  take_front((first_entry + entry_sectors) * sector);
  table_.own.push_back({(backup - entry_sectors) * sector, (entry_sectors + 1) * sector});
  table_.disk_bytes = (backup + 1) * sector;
  for (const TablePartition& partition : table_.partitions) {
    if (partition.offset < table_.own[0].length || partition.offset + partition.length > table_.own[1].offset)
      return refused(fmt::format("its partition {} lies over the GPT", partition.number));
  }
  return {};
}

// Each extended boot record names one partition and the next record, counted from the first.
Result<void> TableReader::follow_extended(std::uint64_t first) {
  std::uint64_t at = first;
  for (int i = 0; i < most_boot_records; ++i) {
    if (at > disk_.size - table_.sector_bytes) return refused("an extended boot record lies behind the disk");
    const auto record = BootRecord::read(disk_.fd.get(), disk_.path, at);
    if (!record) return record.error();
    if (!record->valid()) return {};
    table_.own.push_back({at, table_.sector_bytes});
    table_.disk_bytes = std::max(table_.disk_bytes, at + table_.sector_bytes);
    const auto link = record->link();
    if (!link || record->entry(*link).start == 0) return {};
    at = first + record->entry(*link).start * table_.sector_bytes;
  }
  return refused(
      fmt::format("has more than {} extended boot records, or they run in a circle", most_boot_records));
}

Result<void> TableReader::read(std::uint64_t offset, MutableBytes data) const {
  const ssize_t got = ::pread(disk_.fd.get(), data.data(), data.size(), static_cast<off_t>(offset));
  if (got == static_cast<ssize_t>(data.size())) return {};
  return path_errno(disk_.path, fmt::format("cannot read at byte {}", offset), got < 0 ? errno : EIO);
}

}  // namespace

Result<std::optional<PartitionTable>> read_partition_table(const DeviceFile& disk) {
  auto context = open_fdisk(disk.fd.get(), disk.path, FdiskAccess::read);
  if (!context) return context.error();
  return TableReader(disk, std::move(*context)).run();
}

}  // namespace ezio
