#include "disk/kernel_partitions.hpp"

#include <fmt/format.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bt/base/errno_text.hpp"

namespace ezio {
namespace {

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

}  // namespace

int ask_to_reread(int fd) {
  for (int tries = 0;; ++tries) {
    if (::ioctl(fd, BLKRRPART) == 0) return 0;
    if (errno != EBUSY || tries == 20) return errno;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
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
