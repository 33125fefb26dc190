#include "tools/peer/private_mount.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "bt/base/errno_text.hpp"

namespace ezio {
namespace {

// One that is there on any system: what it holds is out of sight only in our namespace.
Result<std::string> mount_point() {
  for (const char* path : {"/mnt", "/media", "/tmp", "/run"}) {
    struct stat status {};
    if (::stat(path, &status) == 0 && S_ISDIR(status.st_mode)) return {boost::system::in_place_value, path};
  }
  return Error{"there is no directory to mount it on: make /mnt"};
}

// Who looks at a file system that has come may hold it for a moment.
int unmount(const std::string& directory) {
  for (int tries = 0;; ++tries) {
    if (::umount2(directory.c_str(), UMOUNT_NOFOLLOW) == 0) return 0;
    if (errno != EBUSY || tries == 50) return errno;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

Result<void> work_in_namespace(const std::string& device, const std::string& type, const std::string& options,
                               const std::function<Result<void>(const std::string& directory)>& work) {
  const auto directory = mount_point();
  if (!directory) return directory.error();
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return errno_error("cannot have mounts of its own", errno);
  if (::mount(device.c_str(), directory->c_str(), type.c_str(), MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME,
              options.c_str()) != 0)
    return errno_error(fmt::format("cannot mount {} ({})", device, type), errno);
  auto done = work(*directory);
  if (const int error = unmount(*directory); error != 0 && done)
    return errno_error(fmt::format("cannot unmount {}", device), error);
  return done;
}

}  // namespace

Result<void> with_private_mount(const std::string& device, const std::string& type,
                                const std::string& options,
                                const std::function<Result<void>(const std::string& directory)>& work) {
  Result<void> done;
  // A namespace is a thread's.
  std::jthread([&] { done = work_in_namespace(device, type, options, work); }).join();
  return done;
}

}  // namespace ezio
