#include "disk/discard.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "bt/base/errno_text.hpp"
#include "disk/fallocate_modes.hpp"

namespace ezio {
namespace {

constexpr std::uint64_t most_bytes_a_command = std::uint64_t{1} << 30;

std::optional<std::uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  if (file >> number) return number;
  return std::nullopt;
}

// Of a partition its disk has the queue.
std::uint64_t queue_limit(const std::string& node, const char* name) {
  for (const char* queue : {"/queue/", "/../queue/"}) {
    if (const auto limit = number_in(node + queue + name)) return *limit;
  }
  return 0;
}

std::optional<DiscardUnits> units_of(const DeviceFile& target) {
  if (target.block_device) {
    int sector = 0;
    if (::ioctl(target.fd.get(), BLKSSZGET, &sector) != 0 || sector <= 0) return std::nullopt;
    return device_discard_units(target.identity.device, static_cast<std::uint64_t>(sector));
  }
  struct stat status {};
  if (::fstat(target.fd.get(), &status) != 0 || status.st_blksize <= 0) return std::nullopt;
  return DiscardUnits{static_cast<std::uint64_t>(status.st_blksize), 0};
}

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

DiscardEnd discard_ranges(std::span<const Extent> ranges, DiscardUnits units,
                          const std::function<int(const Extent&)>& discard, const GoOn& go_on) {
  const std::uint64_t most = std::max(most_bytes_a_command / units.size, std::uint64_t{1}) * units.size;
  DiscardEnd end;
  for (const Extent& range : ranges) {
    for (std::uint64_t done = 0; done < range.length;) {
      const Extent part{range.offset + done, std::min(most, range.length - done)};
      if (const int error = discard(part); error != 0) {
        end.error = error;
        end.failed_offset = part.offset;
        return end;
      }
      done += part.length;
      end.bytes += part.length;
      if (!go_on(end.bytes)) return end;
    }
  }
  return end;
}

std::optional<DiscardUnits> device_discard_units(dev_t device, std::uint64_t sector,
                                                 const std::string& sysfs) {
  const std::string node = fmt::format("{}/dev/block/{}:{}", sysfs, major(device), minor(device));
  const std::uint64_t granularity = queue_limit(node, "discard_granularity");
  if (granularity == 0 || queue_limit(node, "discard_max_bytes") == 0) return std::nullopt;
  return discard_units(granularity, number_in(node + "/discard_alignment").value_or(0), sector);
}

UnusedSpace::UnusedSpace(const DeviceFile& target, std::span<const Extent> extents, std::uint64_t end)
    : target_(duplicate(target)), units_(units_of(target)) {
  if (units_) ranges_ = unused_space(extents, std::min(end, target.size), *units_);
}

std::uint64_t UnusedSpace::bytes() const {
  std::uint64_t sum = 0;
  for (const Extent& range : ranges_) sum += range.length;
  return sum;
}

std::string UnusedSpace::why_not() const {
  if (!units_) return "the device cannot discard";
  if (ranges_.empty()) return fmt::format("there are none of {} KiB side by side", least_discard_bytes / KiB);
  return {};
}

std::string UnusedSpace::plan() const {
  if (const std::string reason = why_not(); !reason.empty())
    return "no unused blocks would be discarded: " + reason;
  return fmt::format("{} of unused blocks in {} places would be discarded", megabytes(bytes()),
                     ranges_.size());
}

std::string UnusedSpace::discard(const GoOn& go_on) const {
  if (const std::string reason = why_not(); !reason.empty())
    return "no unused blocks are discarded: " + reason;
  const DiscardEnd end = discard_ranges(
      ranges_, *units_, [this](const Extent& range) { return discard_one(range); }, go_on);
  // Some kernels count what a driver does not support as done, and only refuse what comes next.
  if (end.error == EOPNOTSUPP || (end.error != 0 && end.bytes == 0))
    return fmt::format("no unused blocks are discarded: the device cannot ({})", errno_text(end.error));
  if (end.error != 0) {
    return fmt::format("{} of unused blocks discarded, then the device could not at byte {} ({})",
                       megabytes(end.bytes), end.failed_offset, errno_text(end.error));
  }
  return fmt::format("{} of unused blocks in {} places discarded", megabytes(end.bytes), ranges_.size());
}

int UnusedSpace::discard_one(const Extent& range) const {
  if (target_.block_device) {
    std::uint64_t offset_and_length[2] = {range.offset, range.length};
    return ::ioctl(target_.fd.get(), BLKDISCARD, offset_and_length) == 0 ? 0 : errno;
  }
  const int done = ::fallocate(target_.fd.get(), punch_hole_mode, static_cast<off_t>(range.offset),
                               static_cast<off_t>(range.length));
  return done == 0 ? 0 : errno;
}

}  // namespace ezio
