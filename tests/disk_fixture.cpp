#include "disk_fixture.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/blkpg.h>
#include <linux/loop.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace ezio::test {
namespace {

// The value, or the errno as an exception.
int checked(long result, const std::string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return static_cast<int>(result);
}

}  // namespace

void require_root() {
  if (::geteuid() != 0) throw std::runtime_error("this test makes loop devices and mounts: run it as root");
}

void use_private_mounts() {
  static const bool done = [] {
    checked(::unshare(CLONE_NEWNS), "unshare(CLONE_NEWNS)");
    checked(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make mounts private");
    return true;
  }();
  static_cast<void>(done);
}

TempDir::TempDir(const std::string& parent) : path_(parent + "/ezio-test-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) throw std::system_error(errno, std::generic_category(), path_);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

UniqueFd nameless_file(const std::string& directory, std::uint64_t bytes) {
  UniqueFd fd(
      checked(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "O_TMPFILE in " + directory));
  checked(::ftruncate(fd.get(), static_cast<off_t>(bytes)), "ftruncate");
  return fd;
}

LoopDevice::LoopDevice(int backing_fd, Options options) {
  require_root();
  const UniqueFd control(checked(::open("/dev/loop-control", O_RDWR | O_CLOEXEC), "/dev/loop-control"));
  loop_config config{};
  config.fd = static_cast<__u32>(backing_fd);
  config.block_size = options.sector;
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
  if (options.read_only) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
  if (options.may_have_partitions) config.info.lo_flags |= LO_FLAGS_PARTSCAN;
  for (int attempt = 0; attempt < 100; ++attempt) {
    path_ =
        fmt::format("/dev/loop{}", checked(::ioctl(control.get(), LOOP_CTL_GET_FREE), "LOOP_CTL_GET_FREE"));
    fd_ = UniqueFd(checked(::open(path_.c_str(), O_RDWR | O_CLOEXEC), path_));
    if (::ioctl(fd_.get(), LOOP_CONFIGURE, &config) == 0) return;
    // Another program took it between the two calls.
    if (errno != EBUSY) throw std::system_error(errno, std::generic_category(), "LOOP_CONFIGURE");
  }
  throw std::runtime_error("no free loop device");
}

std::string LoopDevice::add_partition(std::uint64_t offset, std::uint64_t length) {
  blkpg_partition partition{};
  partition.start = static_cast<long long>(offset);
  partition.length = static_cast<long long>(length);
  partition.pno = 1;
  blkpg_ioctl_arg argument{BLKPG_ADD_PARTITION, 0, sizeof partition, &partition};
  checked(::ioctl(fd_.get(), BLKPG, &argument), "BLKPG_ADD_PARTITION");
  return path_ + "p1";
}

MountedAt::MountedAt(const std::string& source, const std::string& directory, const std::string& type,
                     const std::string& options)
    : directory_(directory) {
  use_private_mounts();
  checked(::mount(source.c_str(), directory.c_str(), type.c_str(), 0, options.c_str()), "mount " + source);
}

MountedAt::~MountedAt() {
  ::umount2(directory_.c_str(), MNT_DETACH);
}

Ext4::Ext4() : backing_(nameless_file("/var/tmp", 128 * MiB)), loop_(backing_.get(), {}) {
  run_command("mkfs.ext4 -q " + loop_.path());
  mount_.emplace(loop_.path(), directory_.path(), "ext4");
}

void run_command(const std::string& command) {
  const int status = std::system(command.c_str());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("failed: " + command);
}

std::vector<std::byte> read_all(int fd, std::uint64_t bytes) {
  std::vector<std::byte> contents(bytes);
  for (std::uint64_t at = 0; at < bytes;) {
    const ssize_t got =
        checked(::pread(fd, contents.data() + at, bytes - at, static_cast<off_t>(at)), "pread");
    if (got == 0) throw std::runtime_error("the file ends early");
    at += static_cast<std::uint64_t>(got);
  }
  return contents;
}

void write_all(int fd, const std::vector<std::byte>& contents) {
  for (std::uint64_t at = 0; at < contents.size();) {
    at += static_cast<std::uint64_t>(
        checked(::pwrite(fd, contents.data() + at, contents.size() - at, static_cast<off_t>(at)), "pwrite"));
  }
  checked(::fsync(fd), "fsync");
}

std::vector<std::byte> contents_of(const std::string& path) {
  const UniqueFd fd(checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path));
  return read_all(fd.get(), std::filesystem::file_size(path));
}

std::vector<IoCompletion> wait_for(DiskEngine& engine, std::size_t count) {
  std::vector<IoCompletion> completions;
  engine.submit();
  while (completions.size() < count) {
    pollfd waits{engine.event_fd(), POLLIN, 0};
    if (::poll(&waits, 1, -1) < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "poll");
    engine.drain(completions);
  }
  return completions;
}

std::unique_ptr<std::byte[], void (*)(void*)> aligned_memory(std::size_t bytes) {
  void* memory = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (memory == nullptr) throw std::bad_alloc();
  return {static_cast<std::byte*>(memory), std::free};
}

Metainfo torrent_of(const std::vector<Extent>& extents, const std::string& name) {
  Metainfo metainfo;
  metainfo.name = name;
  metainfo.piece_length = 16 * MiB;
  metainfo.extents = extents;
  for (const Extent& extent : extents) {
    metainfo.total_length += extent.length;
    metainfo.target_size = std::max(metainfo.target_size, extent.offset + extent.length);
  }
  return metainfo;
}

}  // namespace ezio::test
