// What is left to do on a target after a clone, on real files and loop devices.
#include "disk/end_clone.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <cstring>
#include <filesystem>

#include "disk/target_guard.hpp"
#include "disk_fixture.hpp"

namespace ezio {
namespace {

using namespace test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr std::uint64_t device_bytes = 64 * MiB;
constexpr std::uint64_t last_sector = device_bytes - 512;

void put(int fd, std::uint64_t offset, const void* bytes, std::size_t length) {
  ASSERT_EQ(::pwrite(fd, bytes, length, static_cast<off_t>(offset)), static_cast<ssize_t>(length));
  ASSERT_EQ(::fsync(fd), 0);
}
template <class Number>
void put_number(int fd, std::uint64_t offset, Number number) {
  put(fd, offset, &number, sizeof number);
}

// An md superblock of version 1.0, which lies near the end of a device.
std::uint64_t put_raid(int fd, std::uint64_t bytes) {
  const std::uint64_t offset = (bytes / 512 - 16) / 8 * 8 * 512;
  put_number<std::uint32_t>(fd, offset, 0xa92b4efc);
  put_number<std::uint32_t>(fd, offset + 4, 1);
  put_number<std::uint64_t>(fd, offset + 144, offset / 512);
  return offset;
}

// A label of a ZFS pool with so many uberblocks.
void put_zfs(int fd, int uberblocks) {
  for (int i = 0; i < uberblocks; ++i) put_number<std::uint64_t>(fd, 128 * KiB + i * KiB, 0x00bab10c);
}

class EndCloneTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  EndCloneTest() {
    require_root();
    use_private_mounts();
  }

  CloneEnd end(const std::string& path, std::vector<Extent> extents,
               OldSignatures old = OldSignatures::wipe) {
    auto target = open_target(path, 0);
    EXPECT_TRUE(target) << target.error().message;
    return CloneEnding(*target, std::move(extents), old).run();
  }
  std::string holds(const std::string& path) { return describe_target(path).holds; }

  UniqueFd backing_ = nameless_file("/var/tmp", device_bytes);
  LoopDevice loop_{backing_.get(), {.sector = GetParam()}};
  TempDir directory_;
};

INSTANTIATE_TEST_SUITE_P(Sectors, EndCloneTest, testing::Values(512u, 4096u));

TEST_P(EndCloneTest, ABlankDeviceIsLeftAlone) {
  const CloneEnd done = end(loop_.path(), {{0, MiB}});
  EXPECT_EQ(done.error, "");
  EXPECT_THAT(done.notes, IsEmpty());
}

TEST_P(EndCloneTest, AnOldRaidMemberBesideTheExtentsIsWipedAndNothingElse) {
  const std::uint64_t raid = put_raid(loop_.fd(), device_bytes);
  const auto before = read_all(backing_.get(), device_bytes);
  const CloneEnd done = end(loop_.path(), {{0, MiB}});
  EXPECT_EQ(done.error, "");
  EXPECT_THAT(done.notes,
              ElementsAre(AllOf(HasSubstr("wiped: linux_raid_member"), HasSubstr(std::to_string(raid)))));
  auto expected = before;
  std::memset(expected.data() + raid, 0, 4);
  EXPECT_TRUE(read_all(backing_.get(), device_bytes) == expected) << "the magic bytes and no other";
  EXPECT_THAT(end(loop_.path(), {{0, MiB}}).notes, IsEmpty()) << "nothing is left to wipe";
}

TEST_P(EndCloneTest, WhatLiesInAnExtentIsTheClonesEvenInPart) {
  const std::uint64_t raid = put_raid(loop_.fd(), device_bytes);
  const auto before = read_all(backing_.get(), device_bytes);
  for (const Extent& extent : {Extent{0, device_bytes}, Extent{raid + 3, 1}, Extent{raid - 10, 11}}) {
    EXPECT_THAT(end(loop_.path(), {extent}).notes, IsEmpty());
  }
  EXPECT_TRUE(read_all(backing_.get(), device_bytes) == before);
}

TEST_P(EndCloneTest, BytesOfAnExtentInTheSameSectorSurvive) {
  const std::uint64_t raid = put_raid(loop_.fd(), device_bytes);
  const std::string clone = "of the clone";
  put(loop_.fd(), raid + 200, clone.data(), clone.size());
  EXPECT_THAT(end(loop_.path(), {{raid + 200, clone.size()}}).notes, SizeIs(1));
  const auto after = read_all(backing_.get(), device_bytes);
  EXPECT_EQ(std::memcmp(after.data() + raid + 200, clone.data(), clone.size()), 0);
}

TEST_P(EndCloneTest, ThePastOfADiskIsWipedLayerByLayer) {
  put_zfs(loop_.fd(), 20);
  put_raid(loop_.fd(), device_bytes);
  put(loop_.fd(), last_sector, "EFI PART", 8);
  const CloneEnd done = end(loop_.path(), {{0, 64 * KiB}});
  EXPECT_EQ(done.error, "");
  EXPECT_THAT(holds(loop_.path()), HasSubstr("nothing that is known"));
  // Fewer than four uberblocks make no pool.
  EXPECT_THAT(done.notes, SizeIs(testing::Ge(17u + 2u)));
}

TEST_P(EndCloneTest, ABackupTableIsFoundBesideATableThatIsTheClones) {
  run_command("printf 'label: gpt\\n,8M\\n' | sfdisk -q " + loop_.path());
  const std::uint64_t backup = device_bytes - GetParam();
  const CloneEnd done = end(loop_.path(), {{0, 32 * MiB}});
  EXPECT_EQ(done.error, "");
  EXPECT_THAT(done.notes, ElementsAre(HasSubstr("wiped: gpt at byte " + std::to_string(backup))));
  EXPECT_THAT(holds(loop_.path()), HasSubstr("a gpt partition table")) << "the clone's is still there";
}

TEST_P(EndCloneTest, OldSignaturesAreListedAndKeptWhereThatIsAskedFor) {
  put_raid(loop_.fd(), device_bytes);
  const auto before = read_all(backing_.get(), device_bytes);
  const CloneEnd done = end(loop_.path(), {{0, MiB}}, OldSignatures::keep);
  EXPECT_EQ(done.error, "");
  EXPECT_THAT(done.notes, ElementsAre(HasSubstr("kept: linux_raid_member")));
  EXPECT_TRUE(read_all(backing_.get(), device_bytes) == before);
}

// The clone of a file system for a larger device.
void copy_start(const std::string& mkfs, std::uint64_t bytes, int to) {
  const TempDir directory;
  const std::string path = directory.path("source");
  { UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)); }
  std::filesystem::resize_file(path, bytes);
  run_command(mkfs + " " + path);
  const UniqueFd source(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto start = read_all(source.get(), MiB);
  put(to, 0, start.data(), start.size());
}

TEST_P(EndCloneTest, AFileSystemThatIsLargerThanTheDeviceEndsTheClone) {
  copy_start("mkfs.ext4 -q -F", 2 * device_bytes, loop_.fd());
  put_raid(loop_.fd(), device_bytes);
  const CloneEnd done = end(loop_.path(), {{0, MiB}});
  EXPECT_THAT(done.error, AllOf(HasSubstr("the file system (ext4) is 134217728 bytes, the target 67108864")));
  EXPECT_THAT(done.notes, IsEmpty()) << "nothing is wiped where success is not certain";
}

TEST_P(EndCloneTest, AFileSystemThatFitsIsFine) {
  copy_start("mkfs.ext4 -q -F", device_bytes, loop_.fd());
  EXPECT_EQ(end(loop_.path(), {{0, MiB}}).error, "");
}

TEST_P(EndCloneTest, AFileSystemThatIsNotTheClonesDoesNotMatter) {
  copy_start("mkfs.ext4 -q -F", 2 * device_bytes, loop_.fd());
  EXPECT_EQ(end(loop_.path(), {{MiB, MiB}}, OldSignatures::keep).error, "");
}

TEST_P(EndCloneTest, AFileBecomesAsLargeAsItsFileSystem) {
  const std::string path = directory_.path("image");
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  copy_start("mkfs.ext4 -q -F", 2 * device_bytes, fd.get());
  const CloneEnd done = end(path, {{0, MiB}});
  EXPECT_EQ(done.error, "");
  EXPECT_THAT(done.notes, ElementsAre(HasSubstr("extended to the 134217728 bytes")));
  EXPECT_EQ(std::filesystem::file_size(path), 2 * device_bytes);
}

// A table that says nothing, and a partition that the kernel remembers: also of a kernel that can read no
// table.
TEST(EndClone, TheKernelRereadsThePartitionTableOfAWholeDisk) {
  require_root();
  const UniqueFd backing = nameless_file("/var/tmp", device_bytes);
  LoopDevice loop(backing.get(), {.may_have_partitions = true});
  const std::string name = std::filesystem::path(loop.path()).filename();
  const std::string partition = "/sys/block/" + name + "/" + name + "p1";
  loop.add_partition(MiB, MiB);
  ASSERT_TRUE(std::filesystem::exists(partition));
  auto target = open_target(loop.path(), 0);
  ASSERT_TRUE(target) << target.error().message;
  const CloneEnd done = CloneEnding(*target, {{0, device_bytes}}, OldSignatures::wipe).run();
  EXPECT_EQ(done.error, "");
  EXPECT_THAT(done.notes, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(partition));
}

TEST(EndClone, APartitionTableThatTheKernelCannotRereadIsSaid) {
  require_root();
  const UniqueFd backing = nameless_file("/var/tmp", device_bytes);
  LoopDevice loop(backing.get(), {.may_have_partitions = true});
  auto target = open_target(loop.path(), 0);
  ASSERT_TRUE(target) << target.error().message;
  const UniqueFd user(::open(loop.add_partition(MiB, MiB).c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(user);
  const CloneEnd done = CloneEnding(*target, {{0, device_bytes}}, OldSignatures::wipe).run();
  EXPECT_EQ(done.error, "");
  EXPECT_THAT(done.notes, ElementsAre(HasSubstr("has not reread the partition table")));
}

TEST(DescribeTarget, MembersOfSomethingLargerAreNoted) {
  require_root();
  const UniqueFd backing = nameless_file("/var/tmp", device_bytes);
  const LoopDevice loop(backing.get(), {});
  put_raid(loop.fd(), device_bytes);
  EXPECT_THAT(describe_target(loop.path()).notes, ElementsAre(HasSubstr("linux_raid_member")));
}

}  // namespace
}  // namespace ezio
