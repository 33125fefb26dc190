// What open_target refuses and opens, on real files, loop devices and mounts.
#include "disk/target.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "disk/source.hpp"
#include "disk_fixture.hpp"
#include "disk_model.hpp"

namespace ezio {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::uint64_t device_bytes = 16 * MiB;

class TargetTest : public testing::Test {
 protected:
  void SetUp() override {
    require_root();
    use_private_mounts();
  }

  static std::string refusal(const std::string& path, std::uint64_t needed_bytes = device_bytes,
                             Missing missing = Missing::create) {
    const auto target = open_target(path, needed_bytes, missing);
    if (target) return "";
    EXPECT_EQ(target.error().message.find('\n'), std::string::npos);
    EXPECT_THAT(target.error().message, HasSubstr(path));
    return target.error().message;
  }

  TempDir directory_;
};

// A loop device whose bytes must be the same at the end as in the beginning, unless told otherwise.
class PatternedLoop {
 public:
  explicit PatternedLoop(LoopDevice::Options options = {}, std::uint64_t bytes = device_bytes)
      : backing_(nameless_file("/var/tmp", bytes)), bytes_(bytes) {
    write_all(backing_.get(), old_device(bytes));
    loop_ = std::make_unique<LoopDevice>(backing_.get(), options);
  }
  bool untouched() const { return read_all(backing_.get(), bytes_) == old_device(bytes_); }
  const std::string& path() const { return loop_->path(); }

 private:
  UniqueFd backing_;
  std::uint64_t bytes_;
  std::unique_ptr<LoopDevice> loop_;
};

TEST_F(TargetTest, AFreeDeviceOpensAndIsNotWritten) {
  for (std::uint32_t sector : {512u, 4096u}) {
    const PatternedLoop loop({.sector = sector});
    const auto target = open_target(loop.path(), device_bytes);
    ASSERT_TRUE(target) << target.error().message;
    EXPECT_TRUE(target->block_device);
    EXPECT_TRUE(target->direct) << target->why_not_direct;
    EXPECT_EQ(target->sector, sector);
    EXPECT_GE(target->memory_alignment, 512u);
    EXPECT_EQ(target->size, device_bytes);
    EXPECT_TRUE(loop.untouched());
  }
}

TEST_F(TargetTest, AnOpenTargetIsHeldExclusively) {
  const PatternedLoop loop;
  const auto target = open_target(loop.path(), device_bytes);
  ASSERT_TRUE(target);
  EXPECT_THAT(refusal(loop.path()), HasSubstr("in use"));
  EXPECT_THROW(MountedAt(loop.path(), directory_.path(), "ext4"), std::system_error);
}

TEST_F(TargetTest, ASmallDeviceIsRefusedWithBothSizes) {
  const PatternedLoop loop;
  EXPECT_THAT(refusal(loop.path(), device_bytes + 1), AllOf(HasSubstr("16777216"), HasSubstr("16777217")));
  EXPECT_TRUE(loop.untouched());
}

TEST_F(TargetTest, AReadOnlyDeviceIsRefused) {
  const PatternedLoop loop({.read_only = true});
  EXPECT_THAT(refusal(loop.path()), HasSubstr("read-only"));
}

TEST_F(TargetTest, AMountedDeviceIsRefusedWithItsMountPointByAnyName) {
  const UniqueFd backing = nameless_file("/var/tmp", device_bytes);
  const LoopDevice loop(backing.get(), {});
  run_command("mkfs.ext4 -q " + loop.path());
  const std::string link = directory_.path("link");
  fs::create_symlink(loop.path(), link);
  const std::string mount_point = directory_.path("mount point");
  fs::create_directory(mount_point);
  {
    const MountedAt mounted(loop.path(), mount_point, "ext4");
    const auto before = read_all(backing.get(), device_bytes);
    for (const std::string& name : {loop.path(), link}) {
      EXPECT_THAT(refusal(name),
                  AllOf(HasSubstr("mounted on"), HasSubstr(mount_point), HasSubstr("unmount")));
    }
    EXPECT_TRUE(read_all(backing.get(), device_bytes) == before);
  }
  EXPECT_EQ(refusal(loop.path()), "") << "free again after the unmount";
}

TEST_F(TargetTest, AMountUnderAnAnonymousDeviceNumberIsFoundByItsSource) {
  const UniqueFd backing = nameless_file("/var/tmp", 128 * MiB);
  const LoopDevice loop(backing.get(), {});
  run_command("mkfs.btrfs -q " + loop.path());
  const MountedAt mounted(loop.path(), directory_.path(), "btrfs");
  EXPECT_THAT(refusal(loop.path()), HasSubstr("mounted on"));
}

class PartitionedTargetTest : public TargetTest {
 protected:
  PartitionedTargetTest() : backing_(nameless_file("/var/tmp", device_bytes)) {
    loop_ = std::make_unique<LoopDevice>(backing_.get(), LoopDevice::Options{.may_have_partitions = true});
    partition_ = loop_->add_partition(1 * MiB, 14 * MiB);
    run_command("mkfs.ext4 -q " + partition_);
  }

  UniqueFd backing_;
  std::unique_ptr<LoopDevice> loop_;
  std::string partition_;
};

TEST_F(PartitionedTargetTest, ADiskWithAMountedPartitionIsRefused) {
  const MountedAt mounted(partition_, directory_.path(), "ext4");
  EXPECT_THAT(refusal(loop_->path()), HasSubstr("mounted on"));
  EXPECT_THAT(refusal(partition_, 4096), HasSubstr("mounted on"));
}

TEST_F(PartitionedTargetTest, APartitionOfADiskThatIsATargetIsInUse) {
  const auto disk = open_target(loop_->path(), device_bytes);
  ASSERT_TRUE(disk) << disk.error().message;
  EXPECT_THAT(refusal(partition_, 4096), HasSubstr("in use"));
}

TEST_F(PartitionedTargetTest, ADiskWhosePartitionIsATargetIsInUse) {
  const auto partition = open_target(partition_, 4096);
  ASSERT_TRUE(partition) << partition.error().message;
  EXPECT_THAT(refusal(loop_->path()), HasSubstr("in use"));
}

TEST_F(PartitionedTargetTest, APartitionAndItsDiskOverlap) {
  const auto disk = open_source_device(loop_->path(), 4096);
  const auto partition = open_source_device(partition_, 4096);
  const PatternedLoop other;
  const auto stranger = open_source_device(other.path(), 4096);
  ASSERT_TRUE(disk && partition && stranger);
  EXPECT_TRUE(same_or_overlapping(disk->identity, partition->identity));
  EXPECT_TRUE(same_or_overlapping(partition->identity, disk->identity));
  EXPECT_TRUE(same_or_overlapping(disk->identity, disk->identity));
  EXPECT_FALSE(same_or_overlapping(disk->identity, stranger->identity));
}

TEST_F(TargetTest, TheSameFileByTwoNamesIsTheSame) {
  const std::string path = directory_.path("image");
  { ASSERT_TRUE(open_target(path, 4096, Missing::create)); }
  fs::create_hard_link(path, directory_.path("other name"));
  const auto a = open_source_device(path, 4096);
  const auto b = open_source_device(directory_.path("other name"), 4096);
  ASSERT_TRUE(a && b);
  EXPECT_TRUE(same_or_overlapping(a->identity, b->identity));
}

TEST_F(TargetTest, LoopDevicesAndTheFileUnderThemOverlap) {
  const std::string path = directory_.path("image");
  { ASSERT_TRUE(open_target(path, device_bytes, Missing::create)); }
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  const LoopDevice one(fd.get(), {});
  const LoopDevice two(fd.get(), {});
  const PatternedLoop other;
  const auto file = open_source_device(path, 1);
  const auto a = open_source_device(one.path(), 1);
  const auto b = open_source_device(two.path(), 1);
  const auto stranger = open_source_device(other.path(), 1);
  ASSERT_TRUE(file && a && b && stranger);
  EXPECT_TRUE(same_or_overlapping(file->identity, a->identity));
  EXPECT_TRUE(same_or_overlapping(a->identity, file->identity));
  EXPECT_TRUE(same_or_overlapping(a->identity, b->identity));
  EXPECT_FALSE(same_or_overlapping(a->identity, stranger->identity));
  EXPECT_FALSE(same_or_overlapping(file->identity, stranger->identity));
}

TEST_F(TargetTest, TwoPartitionsOfOneLoopDeviceDoNotOverlap) {
  constexpr DeviceIdentity first{.device = 2, .whole_disk = 1, .backing = 9};
  constexpr DeviceIdentity second{.device = 3, .whole_disk = 1, .backing = 9};
  EXPECT_FALSE(same_or_overlapping(first, second));
}

TEST_F(TargetTest, DirectoriesCharacterDevicesAndPipesAreRefused) {
  EXPECT_THAT(refusal(directory_.path()), HasSubstr("is a directory"));
  EXPECT_THAT(refusal("/dev/full"), HasSubstr("character device"));
  EXPECT_THAT(refusal("/dev/null"), HasSubstr("character device"));
  ASSERT_EQ(::mkfifo(directory_.path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal(directory_.path("pipe")), HasSubstr("neither a block device nor a regular file"));
}

TEST_F(TargetTest, AMissingImageIsCreatedSparse) {
  const std::string path = directory_.path("new image");
  const auto target = open_target(path, 64 * MiB, Missing::create);
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->size, 64 * MiB);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), 64 * MiB);
  EXPECT_LT(status.st_blocks, 100);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(TargetTest, AnImageIsExtendedAndNeverTruncated) {
  const std::string path = directory_.path("image");
  { ASSERT_TRUE(open_target(path, 8192, Missing::create)); }
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  write_all(fd.get(), old_device(8192));
  EXPECT_EQ(open_target(path, 4096)->size, 8192u);
  EXPECT_EQ(open_target(path, 16384)->size, 16384u);
  auto expected = old_device(8192);
  expected.resize(16384);
  EXPECT_TRUE(contents_of(path) == expected);
}

TEST_F(TargetTest, AnImageOfOddSizeIsWrittenThroughThePageCacheAndKeepsItsSize) {
  const auto target = open_target(directory_.path("image"), 10'001, Missing::create);
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_FALSE(target->direct);
  EXPECT_THAT(target->why_not_direct, HasSubstr("no multiple"));
  EXPECT_EQ(target->size, 10'001u);
}

TEST_F(TargetTest, AnImageInNoDirectoryIsRefusedAndNothingIsMade) {
  EXPECT_THAT(refusal(directory_.path("no/such/image")), HasSubstr("create"));
  EXPECT_FALSE(fs::exists(directory_.path("no")));
}

TEST_F(TargetTest, AMissingImageIsNotCreatedUnlessThatWasAskedFor) {
  EXPECT_THAT(refusal(directory_.path("image"), 4096, Missing::refuse), HasSubstr("--create"));
  EXPECT_FALSE(fs::exists(directory_.path("image")));
}

TEST_F(TargetTest, ADeviceNameWithoutItsDirectoryIsTakenForASlip) {
  const PatternedLoop loop;
  const std::string name = fs::path(loop.path()).filename();
  EXPECT_THAT(refusal(name, device_bytes, Missing::refuse), HasSubstr("did you mean " + loop.path() + "?"));
  EXPECT_FALSE(fs::exists(name));
}

TEST_F(TargetTest, AMistypedDeviceNameDoesNotBecomeAFileInDev) {
  EXPECT_THAT(refusal("/dev/ezio-no-such-disk"), HasSubstr("no such device"));
  EXPECT_FALSE(fs::exists("/dev/ezio-no-such-disk"));
  fs::create_directory_symlink("/dev", directory_.path("link to dev"));
  EXPECT_THAT(refusal(directory_.path("link to dev/ezio-no-such-disk")), HasSubstr("no such device"));
}

TEST_F(TargetTest, ALinkToNothingIsRefusedAndNotFollowed) {
  fs::create_symlink(directory_.path("nothing"), directory_.path("link"));
  EXPECT_THAT(refusal(directory_.path("link")), HasSubstr("symbolic link to nothing"));
  EXPECT_FALSE(fs::exists(directory_.path("nothing")));
}

TEST_F(TargetTest, AnImageTooLargeForTheFileSystemIsRefusedAndRemoved) {
  EXPECT_THAT(refusal(directory_.path("image"), max_device_bytes - 1), HasSubstr("cannot extend"));
  EXPECT_FALSE(fs::exists(directory_.path("image")));
}

TEST_F(TargetTest, AnImageUnderALoopDeviceIsRefusedAndNamesTheDevice) {
  const std::string path = directory_.path("image");
  { ASSERT_TRUE(open_target(path, device_bytes, Missing::create)); }
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  const LoopDevice loop(fd.get(), {});
  EXPECT_THAT(refusal(path, 2 * device_bytes), HasSubstr(loop.path()));
  EXPECT_EQ(fs::file_size(path), device_bytes) << "not extended either";
}

TEST_F(TargetTest, AnImageThatAnotherTargetHoldsIsInUse) {
  const auto first = open_target(directory_.path("image"), 4096, Missing::create);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_THAT(refusal(directory_.path("image"), 8192), HasSubstr("in use"));
  EXPECT_EQ(fs::file_size(directory_.path("image")), 4096u);
}

TEST_F(TargetTest, AnImageOnAReadOnlyFileSystemIsRefused) {
  const MountedAt mounted("none", directory_.path(), "tmpfs", "size=1m");
  { ASSERT_TRUE(open_target(directory_.path("image"), 4096, Missing::create)); }
  run_command("mount -o remount,ro " + directory_.path());
  EXPECT_THAT(refusal(directory_.path("image"), 4096), HasSubstr("read-only"));
  EXPECT_THAT(refusal(directory_.path("other"), 4096), HasSubstr("cannot create"));
}

TEST_F(TargetTest, AMountedSourceIsFine) {
  const UniqueFd backing = nameless_file("/var/tmp", device_bytes);
  const LoopDevice loop(backing.get(), {});
  run_command("mkfs.ext4 -q " + loop.path());
  const MountedAt mounted(loop.path(), directory_.path(), "ext4");
  const auto source = open_source_device(loop.path(), device_bytes);
  EXPECT_TRUE(source) << source.error().message;
}

TEST_F(TargetTest, SourcesThatCannotBeTheTorrentsAreRefused) {
  const PatternedLoop loop;
  const auto message = [](const std::string& path, std::uint64_t bytes) {
    const auto source = open_source_device(path, bytes);
    return source ? "" : source.error().message;
  };
  EXPECT_THAT(message(loop.path(), device_bytes + 1), HasSubstr("16777217"));
  EXPECT_THAT(message("/dev/zero", 1), HasSubstr("character device"));
  EXPECT_THAT(message(directory_.path("nothing"), 1), HasSubstr("No such file"));
}

}  // namespace
}  // namespace ezio
