// What preview_target says, and that it leaves everything as it is.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "disk/target.hpp"
#include "disk_fixture.hpp"
#include "disk_model.hpp"

namespace ezio {
namespace {

using namespace test;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::uint64_t device_bytes = 4 * MiB;

class TargetPreviewTest : public testing::Test {
 protected:
  void SetUp() override {
    require_root();
    use_private_mounts();
  }

  // What opening it for good says is what the preview says. Made or extended is only what is not refused.
  static std::string refusal(const std::string& path, std::uint64_t needed_bytes,
                             Missing missing = Missing::create) {
    const auto preview = preview_target(path, needed_bytes, missing);
    if (preview) return "";
    EXPECT_EQ(preview.error().message, open_target(path, needed_bytes, missing).error().message);
    return preview.error().message;
  }

  TempDir directory_;
};

TEST_F(TargetPreviewTest, ADeviceIsHeldAndNotWritten) {
  for (std::uint32_t sector : {512u, 4096u}) {
    const UniqueFd backing = nameless_file("/var/tmp", device_bytes);
    write_all(backing.get(), old_device(device_bytes));
    const LoopDevice loop(backing.get(), {.sector = sector});
    {
      const auto preview = preview_target(loop.path(), device_bytes);
      ASSERT_TRUE(preview) << preview.error().message;
      EXPECT_EQ(preview->size, device_bytes);
      ASSERT_TRUE(preview->file);
      EXPECT_TRUE(preview->file->block_device);
      EXPECT_THAT(refusal(loop.path(), device_bytes), HasSubstr("in use"));
    }
    EXPECT_TRUE(open_target(loop.path(), device_bytes));
    EXPECT_TRUE(read_all(backing.get(), device_bytes) == old_device(device_bytes));
  }
}

TEST_F(TargetPreviewTest, WhatWouldBeRefusedIsRefusedInTheSameWords) {
  const UniqueFd backing = nameless_file("/var/tmp", device_bytes);
  const LoopDevice loop(backing.get(), {});
  const LoopDevice read_only(backing.get(), {.read_only = true});
  EXPECT_THAT(refusal(loop.path(), device_bytes + 1), HasSubstr("choose a larger target"));
  EXPECT_THAT(refusal(read_only.path(), device_bytes), HasSubstr("read-only"));
  EXPECT_THAT(refusal("/dev/zero", 1), HasSubstr("character device"));
  EXPECT_THAT(refusal(directory_.path(), 1), HasSubstr("is a directory"));
  EXPECT_THAT(refusal("/dev/ezio-no-such-disk", 1), HasSubstr("no such device"));
  EXPECT_THAT(refusal(directory_.path("new"), 1, Missing::refuse), HasSubstr("--create"));
  EXPECT_THAT(refusal(directory_.path("new"), std::uint64_t{1} << 63), HasSubstr("cannot hold"));
  EXPECT_FALSE(fs::exists(directory_.path("new")));
}

TEST_F(TargetPreviewTest, AMountedDeviceIsRefused) {
  const UniqueFd backing = nameless_file("/var/tmp", 4 * device_bytes);
  const LoopDevice loop(backing.get(), {});
  run_command("mkfs.ext4 -q " + loop.path());
  const MountedAt mounted(loop.path(), directory_.path(), "ext4");
  EXPECT_THAT(refusal(loop.path(), 1), HasSubstr("mounted on"));
}

TEST_F(TargetPreviewTest, AMissingImageIsNotMade) {
  const auto preview = preview_target(directory_.path("new"), device_bytes, Missing::create);
  ASSERT_TRUE(preview) << preview.error().message;
  EXPECT_FALSE(preview->file);
  EXPECT_EQ(preview->size, device_bytes);
  EXPECT_FALSE(fs::exists(directory_.path("new")));
}

TEST_F(TargetPreviewTest, AnImageThatCannotBeMadeIsRefused) {
  const MountedAt mounted("none", directory_.path(), "tmpfs", "size=1m");
  run_command("mount -o remount,ro " + directory_.path());
  EXPECT_THAT(refusal(directory_.path("new"), 4096), HasSubstr("cannot create: Read-only file system"));
}

TEST_F(TargetPreviewTest, AnImageIsNotExtended) {
  const std::string path = directory_.path("image");
  { ASSERT_TRUE(open_target(path, 8192, Missing::create)); }
  struct stat before {};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  {
    const auto preview = preview_target(path, device_bytes);
    ASSERT_TRUE(preview) << preview.error().message;
    EXPECT_EQ(preview->size, device_bytes);
    ASSERT_TRUE(preview->file);
    EXPECT_EQ(preview->file->size, 8192u);
    EXPECT_THAT(refusal(path, 4096), HasSubstr("in use"));
  }
  EXPECT_EQ(preview_target(path, 4096)->size, 8192u) << "never truncated";
  struct stat after {};
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(after.st_size, before.st_size);
  EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

}  // namespace
}  // namespace ezio
