#include "disk/disk_fit.hpp"

#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "bt/base/errno_text.hpp"

namespace ezio {

std::optional<Error> refuse_unfit(const DeviceFile& target, const DiskLayout& layout) {
  if (!target.block_device) return std::nullopt;
  if (target.identity.device != target.identity.whole_disk)
    return path_error(target.path, "is a partition, and the torrent is of a whole disk: name the disk");
  int sector = 0;
  if (::ioctl(target.fd.get(), BLKSSZGET, &sector) != 0)
    return path_errno(target.path, "cannot ask for its sector size", errno);
  if (static_cast<std::uint32_t>(sector) == layout.sector_bytes) return std::nullopt;
  return path_error(
      target.path,
      fmt::format("has sectors of {} bytes, the disk of the torrent {}: the partition table counts in "
                  "them, so choose a target with the same (or clone each partition)",
                  sector, layout.sector_bytes));
}

}  // namespace ezio
