#include "disk/loop_device.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "bt/base/errno_text.hpp"

namespace ezio {
namespace {

// Another process may take the free one first.
constexpr int most_tries = 64;

}  // namespace

Result<ReadOnlyLoop> ReadOnlyLoop::open(int fd, const Extent& part) {
  auto device = attach(fd, part, LO_FLAGS_READ_ONLY, 0);
  if (!device) return device.error();
  return ReadOnlyLoop(std::move(*device));
}

Result<WritableLoop> WritableLoop::open(int fd, const Extent& part, std::uint32_t sector_bytes) {
  auto device = attach(fd, part, 0, sector_bytes);
  if (!device) return device.error();
  return WritableLoop(std::move(*device));
}

Result<LoopDevice> LoopDevice::attach(int fd, const Extent& part, std::uint32_t flags,
                                      std::uint32_t sector_bytes) {
  const UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) return errno_error("loop devices are needed: /dev/loop-control", errno);
  loop_config config{};
  config.fd = static_cast<std::uint32_t>(fd);
  config.info.lo_offset = part.offset;
  config.info.lo_sizelimit = part.length;
  config.info.lo_flags = flags | LO_FLAGS_AUTOCLEAR;
  config.block_size = sector_bytes;
  for (int i = 0; i < most_tries; ++i) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return errno_error("no loop device is free", errno);
    std::string path = fmt::format("/dev/loop{}", number);
    const int access = (flags & LO_FLAGS_READ_ONLY) != 0 ? O_RDONLY : O_RDWR;
    UniqueFd device(::open(path.c_str(), access | O_CLOEXEC));
    if (!device) return errno_error(path, errno);
    if (::ioctl(device.get(), LOOP_CONFIGURE, &config) == 0)
      return LoopDevice(std::move(path), std::move(device));
    if (errno != EBUSY) return errno_error(path + ": cannot be set up", errno);
  }
  return Error{"no loop device is free for long enough", EBUSY};
}

}  // namespace ezio
