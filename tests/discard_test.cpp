// Discards on real loop devices and files, every byte of which is looked at afterwards; and on devices that
// cannot.
#include "disk/discard.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "disk/target.hpp"
#include "disk_fixture.hpp"
#include "disk_model.hpp"
#include "fake_sysfs.hpp"

namespace ezio {
namespace {

using namespace test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t device_bytes = 16 * MiB;

bool go_on(std::uint64_t) {
  return true;
}

// Disjoint, ascending, of multiples of `block`, with gaps of all sizes.
std::vector<Extent> random_extents(std::uint32_t seed, std::uint64_t block, std::uint64_t end) {
  std::mt19937 random(seed);
  std::vector<Extent> extents;
  std::uint64_t position = block * (random() % 20);
  while (true) {
    const std::uint64_t length = block * (1 + random() % 100);
    if (position + length > end) return extents;
    extents.push_back({position, length});
    position += length + block * (random() % (random() % 2 == 0 ? 10 : 1000));
  }
}

// The device as it must be: the old bytes, or zeros (which a loop device and a file promise) in whole units
// of gaps.
std::vector<std::byte> expected_after(const std::vector<Extent>& extents, std::uint64_t end,
                                      DiscardUnits units, std::uint64_t bytes) {
  auto expected = old_device(bytes);
  for (const Extent& range : unused_space(extents, end, units)) {
    std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(range.offset), range.length, std::byte{0});
  }
  return expected;
}

class DiscardTest : public testing::Test {
 protected:
  void SetUp() override { require_root(); }

  // Discards on an opened target; what the device holds then.
  static std::string discard(const std::string& path, const std::vector<Extent>& extents, std::uint64_t end) {
    auto target = open_target(path, 0);
    if (!target) throw std::runtime_error(target.error().message);
    return UnusedSpace(*target, extents, end).discard(go_on);
  }

  TempDir directory_;
};

TEST_F(DiscardTest, OnADeviceTheGapsGoAndNothingElse) {
  for (std::uint32_t sector : {512u, 4096u}) {
    for (std::uint32_t seed = 0; seed < 6; ++seed) {
      const UniqueFd backing = nameless_file("/var/tmp", device_bytes);
      write_all(backing.get(), old_device(device_bytes));
      const LoopDevice loop(backing.get(), {.sector = sector});
      const auto extents = random_extents(seed, seed % 2 == 0 ? 512 : 4096, device_bytes - 2 * MiB);
      const std::uint64_t end = device_bytes - MiB;
      EXPECT_THAT(discard(loop.path(), extents, end), HasSubstr("MB of unused blocks in"));
      const auto expected = expected_after(extents, end, {4096, 0}, device_bytes);
      EXPECT_NE(expected, old_device(device_bytes)) << "else nothing is tested";
      EXPECT_TRUE(read_all(backing.get(), device_bytes) == expected) << "seed " << seed << ", " << sector;
    }
  }
}

// Whose first byte lies in the middle of the disk's units.
TEST_F(DiscardTest, OnAPartitionTheUnitsAreThoseOfItsDisk) {
  constexpr std::uint64_t start = MiB + 512;
  constexpr std::uint64_t part_bytes = 8 * MiB;
  const UniqueFd backing = nameless_file("/var/tmp", device_bytes);
  write_all(backing.get(), old_device(device_bytes));
  LoopDevice loop(backing.get(), {.may_have_partitions = true});
  const std::string partition = loop.add_partition(start, part_bytes);
  const auto extents = random_extents(3, 512, part_bytes - MiB);
  EXPECT_THAT(discard(partition, extents, part_bytes), HasSubstr("MB of unused blocks in"));
  auto expected = old_device(device_bytes);
  for (const Extent& range : unused_space(extents, part_bytes, {4096, 4096 - 512})) {
    EXPECT_EQ((start + range.offset) % 4096, 0u);
    std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(start + range.offset), range.length,
                std::byte{0});
  }
  EXPECT_TRUE(read_all(backing.get(), device_bytes) == expected);
}

TEST_F(DiscardTest, InAFileTheGapsBecomeHoles) {
  const std::string path = directory_.path("image");
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  write_all(fd.get(), old_device(device_bytes));
  const auto extents = random_extents(5, 512, device_bytes - 2 * MiB);
  struct stat before {};
  ASSERT_EQ(::fstat(fd.get(), &before), 0);
  EXPECT_THAT(discard(path, extents, device_bytes), HasSubstr("MB of unused blocks in"));
  struct stat after {};
  ASSERT_EQ(::fstat(fd.get(), &after), 0);
  EXPECT_EQ(after.st_size, before.st_size);
  EXPECT_LT(after.st_blocks, before.st_blocks);
  const DiscardUnits units{static_cast<std::uint64_t>(before.st_blksize), 0};
  EXPECT_TRUE(contents_of(path) == expected_after(extents, device_bytes, units, device_bytes));
}

TEST_F(DiscardTest, WhereTheEndOfTheFileSystemIsNotKnownTheTailStays) {
  const UniqueFd backing = nameless_file("/var/tmp", device_bytes);
  write_all(backing.get(), old_device(device_bytes));
  const LoopDevice loop(backing.get(), {});
  EXPECT_THAT(discard(loop.path(), {{0, MiB}}, MiB), HasSubstr("there are none of 64 KiB side by side"));
  EXPECT_TRUE(read_all(backing.get(), device_bytes) == old_device(device_bytes));
}

TEST_F(DiscardTest, ATorrentThatClaimsAFileSystemBeyondTheDeviceStaysOnTheDevice) {
  const UniqueFd backing = nameless_file("/var/tmp", device_bytes);
  const LoopDevice loop(backing.get(), {});
  auto target = open_target(loop.path(), 0);
  ASSERT_TRUE(target) << target.error().message;
  const UnusedSpace unused(*target, std::vector<Extent>{{0, MiB}}, 4 * device_bytes);
  EXPECT_EQ(unused.bytes(), device_bytes - MiB - kept_at_end_bytes);
  EXPECT_THAT(unused.plan(), AllOf(HasSubstr("15.7 MB"), HasSubstr("in 1 places would be discarded")));
  EXPECT_THAT(unused.discard(go_on), HasSubstr("15.7 MB of unused blocks in 1 places discarded"));
}

// ---- what the kernel says of a device

TEST_F(DiscardTest, WhatADeviceWantsComesFromItsQueueAndAPartitionsAlignmentFromItself) {
  FakeSysfs sysfs;
  sysfs.add_device("sda", "8:0");
  sysfs.add_device("sda/sda1", "8:1");
  sysfs.say("sda", "queue/discard_granularity", "8192\n");
  sysfs.say("sda", "queue/discard_max_bytes", "2147450880\n");
  sysfs.say("sda", "discard_alignment", "0\n");
  sysfs.say("sda/sda1", "discard_alignment", "7680\n");
  EXPECT_EQ(device_discard_units(makedev(8, 0), 512, sysfs.root()), (DiscardUnits{8192, 0}));
  EXPECT_EQ(device_discard_units(makedev(8, 1), 512, sysfs.root()), (DiscardUnits{8192, 7680}));
}

TEST_F(DiscardTest, ADeviceWithoutDiscardsHasNoUnits) {
  FakeSysfs sysfs;
  sysfs.add_device("sda", "8:0");
  sysfs.say("sda", "queue/discard_granularity", "0\n");
  sysfs.say("sda", "queue/discard_max_bytes", "0\n");
  sysfs.add_device("sdb", "8:16");
  sysfs.say("sdb", "queue/discard_granularity", "512\n");
  sysfs.say("sdb", "queue/discard_max_bytes", "0\n");
  EXPECT_EQ(device_discard_units(makedev(8, 0), 512, sysfs.root()), std::nullopt);
  EXPECT_EQ(device_discard_units(makedev(8, 16), 512, sysfs.root()), std::nullopt) << "switched off";
  EXPECT_EQ(device_discard_units(makedev(8, 32), 512, sysfs.root()), std::nullopt) << "not there";
}

// ---- the commands

struct Commands {
  std::vector<Extent> given;
  int error = 0;
  std::size_t fails_at = ~std::size_t{0};

  int operator()(const Extent& part) {
    if (given.size() == fails_at) return error;
    given.push_back(part);
    return 0;
  }
};

constexpr std::uint64_t GiB = std::uint64_t{1} << 30;

TEST(DiscardRanges, LongOnesAreCutIntoWholeUnitsOfAGiBAtMost) {
  Commands commands;
  std::vector<std::uint64_t> told;
  const std::vector<Extent> ranges{{4096, 5 * GiB / 2}, {9 * GiB, 512}};
  const DiscardEnd end = discard_ranges(ranges, {4096, 0}, std::ref(commands), [&](std::uint64_t done) {
    told.push_back(done);
    return true;
  });
  EXPECT_THAT(commands.given, ElementsAre(Extent{4096, GiB}, Extent{4096 + GiB, GiB},
                                          Extent{4096 + 2 * GiB, GiB / 2}, Extent{9 * GiB, 512}));
  EXPECT_THAT(told, ElementsAre(GiB, 2 * GiB, 5 * GiB / 2, 5 * GiB / 2 + 512));
  EXPECT_EQ(end.bytes, 5 * GiB / 2 + 512);
  EXPECT_EQ(end.error, 0);
}

TEST(DiscardRanges, UnitsThatAreNoPartOfAGiBStayWhole) {
  Commands commands;
  const std::uint64_t odd = 3 * 4096;
  discard_ranges(std::vector<Extent>{{odd, odd * 200'000}}, {odd, 0}, std::ref(commands), go_on);
  std::uint64_t position = odd;
  for (const Extent& part : commands.given) {
    EXPECT_EQ(part.offset, position);
    EXPECT_EQ(part.length % odd, 0u);
    EXPECT_LE(part.length, GiB);
    position += part.length;
  }
  EXPECT_EQ(position, odd * 200'001);
  commands.given.clear();
  discard_ranges(std::vector<Extent>{{0, 8 * GiB}}, {4 * GiB, 0}, std::ref(commands), go_on);
  EXPECT_THAT(commands.given, ElementsAre(Extent{0, 4 * GiB}, Extent{4 * GiB, 4 * GiB})) << "larger ones";
}

TEST(DiscardRanges, TheFirstErrorIsTheEnd) {
  Commands commands{.given = {}, .error = EIO, .fails_at = 1};
  const std::vector<Extent> ranges{{0, 100}, {200, 100}, {400, 100}};
  const DiscardEnd end = discard_ranges(ranges, {1, 0}, std::ref(commands), go_on);
  EXPECT_THAT(commands.given, ElementsAre(Extent{0, 100}));
  EXPECT_EQ(end.bytes, 100u);
  EXPECT_EQ(end.error, EIO);
  EXPECT_EQ(end.failed_offset, 200u);
}

TEST(DiscardRanges, WhoIsToldMayEndIt) {
  Commands commands;
  const std::vector<Extent> ranges{{0, 100}, {200, 100}, {400, 100}};
  const DiscardEnd end =
      discard_ranges(ranges, {1, 0}, std::ref(commands), [](std::uint64_t done) { return done < 200; });
  EXPECT_THAT(commands.given, ElementsAre(Extent{0, 100}, Extent{200, 100}));
  EXPECT_EQ(end.bytes, 200u);
}

}  // namespace
}  // namespace ezio
