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
  const UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) return errno_error("loop devices are needed: /dev/loop-control", errno);
  loop_config config{};
  config.fd = static_cast<std::uint32_t>(fd);
  config.info.lo_offset = part.offset;
  config.info.lo_sizelimit = part.length;
  config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
  for (int i = 0; i < most_tries; ++i) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return errno_error("no loop device is free", errno);
    std::string path = fmt::format("/dev/loop{}", number);
    UniqueFd device(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!device) return errno_error(path, errno);
    if (::ioctl(device.get(), LOOP_CONFIGURE, &config) == 0)
      return ReadOnlyLoop(std::move(path), std::move(device));
    if (errno != EBUSY) return errno_error(path + ": cannot be set up", errno);
  }
  return Error{"no loop device is free for long enough", EBUSY};
}

}  // namespace ezio
