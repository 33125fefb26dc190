// What goes wrong with a disk reaches the completion with its errno and place.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "disk/disk_engine.hpp"
#include "disk_fixture.hpp"
#include "disk_model.hpp"

namespace ezio {
namespace {

using namespace test;
using testing::HasSubstr;
using Backend = DiskOptions::Backend;

class StorageFaultTest : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    require_root();
    DiskOptions options;
    options.backend = GetParam();
    auto engine = make_disk_engine(options);
    ASSERT_TRUE(engine) << engine.error().message;
    engine_ = std::move(*engine);
  }

  std::unique_ptr<Storage> open(const std::string& path, const Metainfo& metainfo) {
    auto target = open_target(path, metainfo.target_size, Missing::create);
    if (!target) throw std::runtime_error(target.error().message);
    auto storage = open_target_storage(*engine_, 1, std::move(*target), metainfo);
    if (!storage) throw std::runtime_error(storage.error().message);
    return std::move(*storage);
  }

  std::unique_ptr<DiskEngine> engine_;
};

// The first error of writing [0, bytes) in mebibytes and flushing.
IoStatus first_error(DiskEngine& engine, Storage& storage, std::uint64_t bytes) {
  auto memory = aligned_memory(bytes);
  std::memset(memory.get(), 0x5A, bytes);
  for (std::uint64_t at = 0; at < bytes; at += MiB) storage.write(at, at, Bytes(memory.get() + at, MiB));
  std::vector<IoCompletion> completions = wait_for(engine, bytes / MiB);
  storage.flush(0, Storage::Cached::keep);
  completions.push_back(wait_for(engine, 1).front());
  for (const IoCompletion& completion : completions) {
    if (!completion.status.ok()) return completion.status;
  }
  return {};
}

// What pwrite(2) says of a mebibyte there, 0 where it can be written: which errno a loop device makes of one
// below it is the kernel's business.
int error_of_writing(int fd, std::uint64_t offset) {
  const auto memory = aligned_memory(MiB);
  for (std::uint64_t at = 0; at < MiB;) {
    const ssize_t count = ::pwrite(fd, memory.get() + at, MiB - at, static_cast<off_t>(offset + at));
    if (count < 0) return errno;
    at += static_cast<std::uint64_t>(count);
  }
  return 0;
}

TEST_P(StorageFaultTest, ALoopDeviceWhoseBackingStoreIsFullIsNeverReportedAsWritten) {
  TempDir directory;
  const MountedAt small("none", directory.path(), "tmpfs", "size=4m");
  const UniqueFd backing = nameless_file(directory.path(), 16 * MiB);
  const LoopDevice loop(backing.get(), {});
  auto storage = open(loop.path(), torrent_of({{0, 16 * MiB}}));
  const IoStatus status = first_error(*engine_, *storage, 16 * MiB);
  ASSERT_FALSE(status.ok());
  const UniqueFd device(::open(loop.path().c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC));
  EXPECT_EQ(error_of_writing(device.get(), status.device_offset / MiB * MiB), status.error);
}

TEST_P(StorageFaultTest, AnImageFileOnAFullFileSystemIsEnospc) {
  TempDir directory;
  const MountedAt small("none", directory.path(), "tmpfs", "size=4m");
  auto storage = open(directory.path("image"), torrent_of({{0, 16 * MiB}}));
  EXPECT_EQ(first_error(*engine_, *storage, 16 * MiB).error, ENOSPC);
}

TEST_P(StorageFaultTest, ReadingPastTheEndOfAFileThatShrankIsEio) {
  TempDir directory;
  const std::string path = directory.path("image");
  auto storage = open(path, torrent_of({{0, 4 * MiB}}));
  ASSERT_EQ(::truncate(path.c_str(), 2 * MiB), 0);
  auto memory = aligned_memory(1 * MiB);
  storage->read(5, 2 * MiB - 512, MutableBytes(memory.get(), 4096));
  const auto completions = wait_for(*engine_, 1);
  EXPECT_EQ(completions[0].token, 5u);
  EXPECT_EQ(completions[0].status.error, EIO);
  EXPECT_EQ(completions[0].status.device_offset, 2 * MiB);
}

// Writes 100 bytes into the middle of an image that shrank to one sector meanwhile.
IoStatus write_past_the_end(DiskEngine& engine, Storage& storage, const std::string& path) {
  if (::truncate(path.c_str(), 512) != 0) throw std::runtime_error("truncate");
  const auto memory = aligned_memory(4096);
  storage.write(1, 0, Bytes(memory.get(), 100));
  return wait_for(engine, 1).front().status;
}

TEST_P(StorageFaultTest, AnEdgePastTheEndOfAFileThatShrankIsNotWrittenFromHalfASector) {
  const Ext4 ext4;
  auto storage = open(ext4.path("image"), torrent_of({{4096, 100}, {8192, 4096}}));
  ASSERT_THAT(storage->description(), HasSubstr("O_DIRECT, 512-byte sectors"));
  const IoStatus status = write_past_the_end(*engine_, *storage, ext4.path("image"));
  EXPECT_EQ(status.error, EIO);
  EXPECT_EQ(status.device_offset, 4096u);
  EXPECT_EQ(contents_of(ext4.path("image")).size(), 512u);
}

TEST_P(StorageFaultTest, ABufferedFileThatShrankGrowsAgain) {
  const TempDir directory("/dev/shm");
  auto storage = open(directory.path("image"), torrent_of({{4096, 100}, {8192, 4096}}));
  ASSERT_THAT(storage->description(), HasSubstr("buffered"));
  EXPECT_TRUE(write_past_the_end(*engine_, *storage, directory.path("image")).ok());
  EXPECT_EQ(contents_of(directory.path("image")).size(), 4196u);
}

TEST_P(StorageFaultTest, OneStoragesErrorLeavesAnotherAlone) {
  TempDir directory;
  const MountedAt small("none", directory.path(), "tmpfs", "size=4m");
  const UniqueFd backing = nameless_file("/dev/shm", 8 * MiB);
  const LoopDevice loop(backing.get(), {});
  auto full = open(directory.path("image"), torrent_of({{0, 16 * MiB}}));
  auto good = open(loop.path(), torrent_of({{0, 8 * MiB}}));
  EXPECT_EQ(first_error(*engine_, *full, 16 * MiB).error, ENOSPC);
  EXPECT_TRUE(first_error(*engine_, *good, 8 * MiB).ok());
}

TEST_P(StorageFaultTest, AnExtentBeyondTheTargetIsRefused) {
  TempDir directory;
  auto target = open_target(directory.path("image"), 4096, Missing::create);
  ASSERT_TRUE(target);
  const auto storage = open_target_storage(*engine_, 1, std::move(*target), torrent_of({{4096, 1}}));
  ASSERT_FALSE(storage);
  EXPECT_NE(storage.error().message.find("4097"), std::string::npos) << storage.error().message;
}

INSTANTIATE_TEST_SUITE_P(Backends, StorageFaultTest, testing::Values(Backend::uring, Backend::threads),
                         [](const auto& tested) {
                           return tested.param == Backend::uring ? "uring" : "threads";
                         });

}  // namespace
}  // namespace ezio
