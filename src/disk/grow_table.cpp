#include "disk/grow_table.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <libfdisk/libfdisk.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "bt/base/errno_text.hpp"

namespace ezio {
namespace {

using Context = std::unique_ptr<fdisk_context, decltype(&fdisk_unref_context)>;
using Table = std::unique_ptr<fdisk_table, decltype(&fdisk_unref_table)>;
using Partition = std::unique_ptr<fdisk_partition, decltype(&fdisk_unref_partition)>;

constexpr std::uint64_t most_mbr_sectors = 0xffff'ffff;  // both begin and length have 32 bits
constexpr std::uint64_t gpt_entry_bytes = 128;           // libfdisk takes no others
constexpr int most_records = 256;                        // a bound for a chain that runs in a circle

Result<Context> open_table(int fd, const std::string& path, bool read_only) {
  Context context(fdisk_new_context(), &fdisk_unref_context);
  if (!context) return path_error(path, "libfdisk has no memory");
  fdisk_disable_dialogs(context.get(), 1);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  const int error = fdisk_assign_device_by_fd(context.get(), fd, path.c_str(), read_only ? 1 : 0);
  if (error != 0) return path_errno(path, "its partition table cannot be read", -error);
  if (fdisk_is_label(context.get(), GPT) == 0 && fdisk_is_label(context.get(), DOS) == 0)
    return path_error(path, "has neither a GPT nor an MBR");
  return {boost::system::in_place_value, std::move(context)};
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
  if (fdisk_partition_is_used(entry) == 0 || fdisk_partition_has_start(entry) == 0 ||
      fdisk_partition_has_size(entry) == 0)
    return std::nullopt;
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

// An extended boot record: one partition, and where the next record is.
class BootRecord {
 public:
  struct Entry {
    std::uint64_t start = 0;
    std::uint64_t sectors = 0;
    bool link = false;
  };

  BootRecord(int fd, const std::string& path, std::uint64_t at, std::uint32_t sector_bytes)
      : fd_(fd), path_(path), at_(static_cast<off_t>(at * sector_bytes)) {}

  Result<void> read() {
    if (::pread(fd_, bytes_.data(), bytes_.size(), at_) != static_cast<ssize_t>(bytes_.size()))
      return path_errno(path_, "an extended boot record cannot be read", errno);
    if (bytes_[510] != 0x55 || bytes_[511] != 0xaa)
      return path_error(path_, "an extended boot record is damaged");
    return {};
  }
  Entry entry(std::size_t index) const {
    const std::uint8_t* raw = &bytes_[446 + 16 * index];
    const bool link = raw[4] == 0x05 || raw[4] == 0x0f || raw[4] == 0x85;
    return {number(raw + 8), raw[4] == 0 ? 0 : number(raw + 12), link};
  }
  Result<void> write_sectors(std::size_t index, std::uint64_t sectors) {
    for (std::size_t i = 0; i < 4; ++i)
      bytes_[446 + 16 * index + 12 + i] = static_cast<std::uint8_t>(sectors >> (8 * i));
    if (::pwrite(fd_, bytes_.data(), bytes_.size(), at_) == static_cast<ssize_t>(bytes_.size())) return {};
    return path_errno(path_, "an extended boot record cannot be written", errno);
  }

 private:
  static std::uint64_t number(const std::uint8_t* raw) {
    return raw[0] | std::uint64_t{raw[1]} << 8 | std::uint64_t{raw[2]} << 16 | std::uint64_t{raw[3]} << 24;
  }

  int fd_;
  const std::string& path_;
  off_t at_;
  std::array<std::uint8_t, 512> bytes_{};
};

// libfdisk leaves the length that the record before names for the one of the last partition as it was, which
// others than Linux believe.
Result<void> lengthen_link(int fd, const std::string& path, const GrowPlan& plan, std::uint32_t sector) {
  const std::uint64_t first = plan.extended->start;
  std::uint64_t at = first;
  for (int i = 0; i < most_records; ++i) {
    BootRecord record(fd, path, at, sector);
    if (auto done = record.read(); !done) return done;
    std::optional<std::size_t> link;
    for (std::size_t index = 0; index < 4; ++index) {
      const auto entry = record.entry(index);
      if (!entry.link && entry.sectors > 0 && at + entry.start == plan.last.start) return {};
      if (entry.link && entry.sectors > 0 && !link) link = index;
    }
    if (!link) return {};
    const auto entry = record.entry(*link);
    const std::uint64_t next = first + entry.start;
    // The last partition's record is the one that lies before it, with nothing between.
    if (next < plan.last.start && next + entry.sectors >= plan.last.end()) {
      if (auto done = record.write_sectors(*link, plan.new_end - next); !done) return done;
    }
    at = next;
  }
  return path_error(path, "its extended boot records run in a circle");
}

std::optional<std::string> partition_device(dev_t disk, std::uint32_t number) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (const auto& entry :
       fs::directory_iterator(fmt::format("/sys/dev/block/{}:{}", major(disk), minor(disk)), error)) {
    std::uint32_t found = 0;
    if (std::ifstream file(entry.path() / "partition"); file >> found && found == number)
      return "/dev/" + entry.path().filename().string();
  }
  return std::nullopt;
}

// Who looks at a new table holds its partitions for a moment.
int ask_to_reread(int fd) {
  for (int tries = 0;; ++tries) {
    if (::ioctl(fd, BLKRRPART) == 0) return 0;
    if (errno != EBUSY || tries == 20) return errno;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

Result<GrowTable> read_grow_table(int fd, const std::string& path) {
  const auto context = open_table(fd, path, true);
  if (!context) return context.error();
  GrowTable table;
  table.sector_bytes = static_cast<std::uint32_t>(fdisk_get_sector_size(context->get()));
  table.end = end_of(context->get());
  fdisk_table* raw = nullptr;
  if (const int error = fdisk_get_partitions(context->get(), &raw); error != 0)
    return path_errno(path, "its partitions cannot be read", -error);
  const Table entries(raw, &fdisk_unref_table);
  for (std::size_t i = 0; i < fdisk_table_get_nents(entries.get()); ++i) {
    if (auto partition = entry_of(fdisk_table_get_partition(entries.get(), i)))
      table.partitions.push_back(*partition);
  }
  return table;
}

Result<void> write_growth(int fd, const std::string& path, const GrowPlan& plan) {
  const auto context = open_table(fd, path, false);
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

Result<std::optional<std::string>> reread_table(int fd, dev_t disk, const GrowPartition& partition,
                                                std::uint32_t sector_bytes) {
  const int error = ask_to_reread(fd);
  auto device = partition_device(disk, partition.number);
  if (error == 0) return device;
  if (!device) return std::optional<std::string>();
  // Somebody uses one of them: this one can be told alone.
  blkpg_partition resized{};
  resized.start = static_cast<long long>(partition.start * sector_bytes);
  resized.length = static_cast<long long>(partition.sectors * sector_bytes);
  resized.pno = static_cast<int>(partition.number);
  blkpg_ioctl_arg argument{BLKPG_RESIZE_PARTITION, 0, sizeof resized, &resized};
  if (::ioctl(fd, BLKPG, &argument) == 0) return device;
  return Error{fmt::format("the kernel does not take the new size of partition {}: {}", partition.number,
                           errno_text(errno)),
               errno};
}

}  // namespace ezio
