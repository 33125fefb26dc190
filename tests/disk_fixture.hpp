// Real files, loop devices and mounts for the disk path's tests. Needs root.
//
// A killed test leaves no more than a directory in /var/tmp or /dev/shm: loop devices clear themselves when
// their last descriptor closes, and mounts are made in a mount namespace of the test's own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "disk/disk_engine.hpp"
#include "disk/open_storage.hpp"
#include "disk/target.hpp"

namespace ezio::test {

// Throws std::runtime_error with "run as root" where we are not, so that the test fails and says why.
void require_root();

// Moves this thread into a mount namespace of its own (once). Call before mounting.
void use_private_mounts();

class TempDir {
 public:
  explicit TempDir(const std::string& parent = "/var/tmp");
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string path(const std::string& name = {}) const { return name.empty() ? path_ : path_ + "/" + name; }

 private:
  std::string path_;
};

// A file without a name in this directory.
UniqueFd nameless_file(const std::string& directory, std::uint64_t bytes);

class LoopDevice {
 public:
  struct Options {
    std::uint32_t sector = 512;
    bool read_only = false;
    bool may_have_partitions = false;
  };
  LoopDevice(int backing_fd, Options options);

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }
  // Makes the partition known to the kernel, without a table; returns its path.
  std::string add_partition(std::uint64_t offset, std::uint64_t length);

 private:
  std::string path_;
  UniqueFd fd_;  // open, not exclusively: keeps the device configured
};

// Mounted until destroyed. Throws when mount(2) fails.
class MountedAt {
 public:
  MountedAt(const std::string& source, const std::string& directory, const std::string& type,
            const std::string& options = {});
  ~MountedAt();
  MountedAt(const MountedAt&) = delete;
  MountedAt& operator=(const MountedAt&) = delete;

 private:
  std::string directory_;
};

// A small ext4 of its own, on a loop device of 512-byte sectors: a file system that has O_DIRECT.
class Ext4 {
 public:
  Ext4();
  std::string path(const std::string& name = {}) const { return directory_.path(name); }

 private:
  TempDir directory_;
  UniqueFd backing_;
  LoopDevice loop_;
  std::optional<MountedAt> mount_;
};

void run_command(const std::string& command);  // throws unless it exits 0

std::vector<std::byte> read_all(int fd, std::uint64_t bytes);    // through the page cache
void write_all(int fd, const std::vector<std::byte>& contents);  // likewise, and durable
std::vector<std::byte> contents_of(const std::string& path);

// Submits what is queued and collects completions until `count` have come.
std::vector<IoCompletion> wait_for(DiskEngine& engine, std::size_t count);

// Page-aligned memory to read into and write from.
std::unique_ptr<std::byte[], void (*)(void*)> aligned_memory(std::size_t bytes);

Metainfo torrent_of(const std::vector<Extent>& extents, const std::string& name = "sda1");

}  // namespace ezio::test
