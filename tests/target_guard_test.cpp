// Guards against a made-up /sys, and what is told of real loop devices.
#include "disk/target_guard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "disk/disk_identity.hpp"
#include "fake_sysfs.hpp"

namespace ezio {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::uint64_t disk_bytes = 500'107'862'016;

// sda: SATA. sdb: a stick, with the serial number of sdc. nvme0n1: NVMe. vda: virtio.
class TargetGuardTest : public testing::Test {
 protected:
  TargetGuardTest() {
    sysfs_.add_device("sda", "8:0");
    sysfs_.add_device("sda/sda1", "8:1");
    sysfs_.say("sda", "device/vendor", "ATA     \n");
    sysfs_.say("sda", "device/model", "Samsung SSD 870 \n");
    sysfs_.say("sda", "device/vpd_pg80", std::string("\x00\x80\x00\x14", 4) + "     S5Y1NX0R123456  ");
    sysfs_.say("sda", "device/wwid", "naa.5002538e00aabbcc\n");
    sysfs_.add_device("sdb", "8:16");
    sysfs_.say("sdb", "device/vendor", "SanDisk \n");
    sysfs_.say("sdb", "device/model", "Ultra\n");
    sysfs_.say("sdb", "device/wwid", "t10.SanDisk Ultra\n");
    sysfs_.say("sdb", "device/serial", "TWICE\n");
    sysfs_.say("sdb", "removable", "1\n");
    sysfs_.add_device("sdc", "8:32");
    sysfs_.say("sdc", "device/serial", "TWICE\n");
    sysfs_.add_device("nvme0n1", "259:0");
    sysfs_.say("nvme0n1", "wwid", "eui.0025385b91B0AAAA\n");
    sysfs_.say("nvme0n1", "device/serial", "NV-ME-1   \n");
    sysfs_.say("nvme0n1", "device/model", "KXG60ZNV512G\n");
    sysfs_.add_device("vda", "254:0");
    sysfs_.say("vda", "device/vendor", "0x1af4\n");
    sysfs_.say("vda", "serial", "disk0\n");
    sysfs_.add_device("loop0", "7:0");
    sysfs_.say("loop0", "size", "0\n");
    sysfs_.say("loop0", "serial", "EMPTY\n");
  }

  DiskIdentity identity(unsigned major_number, unsigned minor_number) const {
    return disk_identity(makedev(major_number, minor_number), sysfs_.root());
  }
  std::string path_of(const std::string& target) const {
    const auto path = target_path(target, sysfs_.root());
    return path ? *path : "error: " + path.error().message;
  }
  // Why sda1 (or another device) is refused; empty: it is not.
  std::string refusal(const TargetGuards& guards, dev_t device = makedev(8, 1)) const {
    struct stat status {};
    status.st_mode = S_IFBLK;
    status.st_rdev = device;
    const auto refused = refuse_guarded("/dev/x", status, disk_bytes, guards, sysfs_.root());
    return refused ? refused->message : "";
  }

  test::FakeSysfs sysfs_;
};

TEST_F(TargetGuardTest, WhatADiskIsComesFromWhereItsKindKeepsIt) {
  EXPECT_EQ(identity(8, 0).model, "Samsung SSD 870");
  EXPECT_EQ(identity(8, 0).serial, "S5Y1NX0R123456");
  EXPECT_EQ(identity(8, 0).wwn, "naa.5002538e00aabbcc");
  EXPECT_FALSE(identity(8, 0).removable);
  EXPECT_EQ(identity(8, 16).model, "SanDisk Ultra");
  EXPECT_EQ(identity(8, 16).wwn, "") << "made of its model: not world wide";
  EXPECT_TRUE(identity(8, 16).removable);
  EXPECT_EQ(identity(259, 0).serial, "NV-ME-1");
  EXPECT_EQ(identity(259, 0).wwn, "eui.0025385b91B0AAAA");
  EXPECT_EQ(identity(254, 0).serial, "disk0");
  EXPECT_EQ(identity(254, 0).model, "");
}

TEST_F(TargetGuardTest, APartitionIsItsDisk) {
  EXPECT_EQ(identity(8, 1).serial, "S5Y1NX0R123456");
}

TEST_F(TargetGuardTest, ADiskThatSysfsDoesNotKnowHasNoName) {
  EXPECT_EQ(identity(8, 99).serial, "");
}

TEST_F(TargetGuardTest, ASerialNumberOrWorldWideNameLeadsToItsDiskAndPartitions) {
  EXPECT_EQ(path_of("serial=S5Y1NX0R123456"), "/dev/sda");
  EXPECT_EQ(path_of("serial=S5Y1NX0R123456-part2"), "/dev/sda2");
  EXPECT_EQ(path_of("serial=NV-ME-1"), "/dev/nvme0n1");
  EXPECT_EQ(path_of("serial=NV-ME-1-part3"), "/dev/nvme0n1p3");
  for (const char* wwn : {"naa.5002538e00aabbcc", "0x5002538e00aabbcc", "5002538E00AABBCC"}) {
    EXPECT_EQ(path_of(std::string("wwn=") + wwn), "/dev/sda");
  }
  EXPECT_EQ(path_of("wwn=eui.0025385b91b0aaaa-part1"), "/dev/nvme0n1p1");
  EXPECT_EQ(path_of("/dev/sda"), "/dev/sda");
}

TEST_F(TargetGuardTest, NoDiskAndSeveralDisksAreRefused) {
  EXPECT_THAT(path_of("serial=NOBODY"), AllOf(StartsWith("error: "), HasSubstr("no disk")));
  EXPECT_THAT(path_of("serial=S5Y1NX0R12345"), HasSubstr("no disk")) << "a part of it is not it";
  EXPECT_THAT(path_of("serial=EMPTY"), HasSubstr("no disk")) << "a drive without a medium";
  EXPECT_THAT(path_of("serial=TWICE"), AllOf(HasSubstr("several"), HasSubstr("/dev/sdb, /dev/sdc")));
  EXPECT_THAT(path_of("serial="), HasSubstr("names nothing"));
  EXPECT_THAT(path_of("wwn="), HasSubstr("names nothing")) << "disks without one have none in common";
}

TEST_F(TargetGuardTest, EachGuardLetsItsDiskThroughAndNoOther) {
  EXPECT_EQ(refusal({}), "");
  EXPECT_EQ(refusal({.serials = {"other", "S5Y1NX0R123456"}}), "");
  EXPECT_THAT(refusal({.serials = {"other"}}), AllOf(HasSubstr("S5Y1NX0R123456"), HasSubstr("other")));
  EXPECT_EQ(refusal({.model = "samsung*870"}), "");
  EXPECT_THAT(refusal({.model = "Samsung"}), HasSubstr("'Samsung SSD 870'"));
  EXPECT_EQ(refusal({.least_bytes = disk_bytes, .most_bytes = disk_bytes}), "");
  EXPECT_THAT(refusal({.least_bytes = disk_bytes + 1}), HasSubstr("--target-size"));
  EXPECT_THAT(refusal({.most_bytes = disk_bytes - 1}), HasSubstr("--target-size"));
}

TEST_F(TargetGuardTest, ADiskWithoutASerialNumberOrModelPassesNoGuardThatAsksForOne) {
  EXPECT_THAT(refusal({.serials = {"x"}}, makedev(7, 0)), HasSubstr("not x"));
  EXPECT_THAT(refusal({.model = "?*"}, makedev(254, 0)), HasSubstr("its model is none"));
}

TEST_F(TargetGuardTest, AStickIsRefusedUnlessItIsMeant) {
  EXPECT_THAT(refusal({}, makedev(8, 16)), HasSubstr("--allow-removable"));
  EXPECT_EQ(refusal({.allow_removable = true}, makedev(8, 16)), "");
}

TEST_F(TargetGuardTest, AnImageFilePassesNoGuardThatAsksForADisk) {
  struct stat status {};
  status.st_mode = S_IFREG;
  EXPECT_FALSE(refuse_guarded("image", status, 1, {.allow_removable = false}, sysfs_.root()));
  for (const TargetGuards& guards : {TargetGuards{.serials = {"x"}}, TargetGuards{.model = "*"},
                                     TargetGuards{.least_bytes = 1}, TargetGuards{.most_bytes = 9}}) {
    EXPECT_TRUE(refuse_guarded("image", status, 1, guards, sysfs_.root()));
  }
}

std::string line_of(const std::string& path) {
  return overwriting_line(describe_target(path), "will");
}

TEST(DescribeTarget, SaysWhatIsThere) {
  test::require_root();
  const UniqueFd backing = test::nameless_file("/var/tmp", 32 * MiB);
  const test::LoopDevice loop(backing.get(), {});
  EXPECT_THAT(line_of(loop.path()),
              AllOf(StartsWith(loop.path() + " will be overwritten: no model, no serial number, 33.6 MB"),
                    HasSubstr("nothing that is known")));
  test::run_command("mkfs.ext4 -q -L root " + loop.path());
  EXPECT_THAT(line_of(loop.path()), HasSubstr("holds ext4 'root'"));
}

TEST(DescribeTarget, SaysThatAFileWillBeMade) {
  const test::TempDir directory;
  EXPECT_THAT(line_of(directory.path("new")), HasSubstr("will be made"));
  test::FakeSysfs::write(directory.path("empty"), "");
  EXPECT_THAT(line_of(directory.path("empty")), AllOf(HasSubstr("a file, 0.0 MB"), HasSubstr("nothing")));
}

}  // namespace
}  // namespace ezio
