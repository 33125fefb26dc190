// Against a made-up /sys and /proc: device mapper, RAID and swap, which the test machine may not have.
#include "disk/device_use.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <filesystem>

#include "fake_sysfs.hpp"

namespace ezio {
namespace {

namespace fs = std::filesystem;
using test::FakeSysfs;
using testing::HasSubstr;

// A disk sda (8:0) with partitions sda1 (8:1) and sda2 (8:2).
class DeviceUseTest : public testing::Test {
 protected:
  DeviceUseTest() : paths_{sysfs_.root(), sysfs_.outside("mountinfo"), sysfs_.outside("swaps")} {
    sysfs_.add_device("sda", "8:0");
    sysfs_.add_device("sda/sda1", "8:1");
    sysfs_.add_device("sda/sda2", "8:2");
    write(paths_.mountinfo, "27 1 254:0 / / rw - ext4 /dev/root rw\n");
    write(paths_.swaps, "Filename\tType\n");
  }

  static void write(const std::string& path, const std::string& text) { FakeSysfs::write(path, text); }
  void hold(const std::string& node, const std::string& holder) {
    fs::create_directories(paths_.sysfs + "/" + node + "/holders/" + holder);
  }
  std::string use_of(unsigned minor_number) {
    struct stat status {};
    status.st_mode = S_IFBLK;
    status.st_rdev = makedev(8, minor_number);
    return find_use(status, paths_).value_or("");
  }

  FakeSysfs sysfs_;
  UsePaths paths_;
};

TEST_F(DeviceUseTest, TheFamilyOfADiskIsItsPartitions) {
  const DeviceFamily disk = device_family(makedev(8, 0), paths_);
  EXPECT_EQ(disk.whole_disk, makedev(8, 0));
  EXPECT_EQ(disk.partitions, (std::vector<dev_t>{makedev(8, 1), makedev(8, 2)}));
  const DeviceFamily partition = device_family(makedev(8, 2), paths_);
  EXPECT_EQ(partition.whole_disk, makedev(8, 0));
  EXPECT_TRUE(partition.partitions.empty());
}

TEST_F(DeviceUseTest, AnIdleDiskIsFree) {
  for (unsigned minor_number : {0u, 1u, 2u}) EXPECT_EQ(use_of(minor_number), "");
}

TEST_F(DeviceUseTest, AMountedPartitionBlocksItselfAndItsDiskOnly) {
  write(paths_.mountinfo, "36 27 8:1 / /mnt/data\\040x rw - ext4 /dev/sda1 rw\n");
  EXPECT_THAT(use_of(1), HasSubstr("mounted on '/mnt/data x'"));
  EXPECT_THAT(use_of(0), HasSubstr("mounted"));
  EXPECT_EQ(use_of(2), "");
}

TEST_F(DeviceUseTest, AMountedDiskBlocksItsPartitions) {
  write(paths_.mountinfo, "36 27 8:0 / /mnt rw - ext4 /dev/sda rw\n");
  EXPECT_THAT(use_of(2), HasSubstr("mounted"));
}

TEST_F(DeviceUseTest, HoldersOfADiskOrPartitionAreNamed) {
  hold("devices/sda/sda1", "dm-3");
  EXPECT_THAT(use_of(1), HasSubstr("/dev/dm-3"));
  EXPECT_THAT(use_of(0), HasSubstr("/dev/sda1 is part of /dev/dm-3"));
  EXPECT_EQ(use_of(2), "");
}

TEST_F(DeviceUseTest, ASwapFileIsNoTarget) {
  const std::string file = sysfs_.outside("swapfile");
  write(file, "x");
  write(paths_.swaps, "Filename\tType\n" + file + "   file\t1\t0\t-2\n");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_THAT(find_use(status, paths_).value_or(""), HasSubstr("swap"));
}

TEST_F(DeviceUseTest, NamesWithBlanksAndBackslashesAreUnderstood) {
  const std::string file = sysfs_.outside("swap file\\x");
  write(file, "x");
  write(paths_.swaps, "Filename\tType\n" + sysfs_.outside("swap\\040file\\134x") + "   file\t1\t0\t-3\n");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_THAT(find_use(status, paths_).value_or(""), HasSubstr("swap"));
}

TEST_F(DeviceUseTest, ATruncatedMountTableIsReadAsFarAsItGoes) {
  const std::string table =
      "36 27 8:1 / /mnt/data rw shared:1 master:2 - ext4 /dev/sda1 rw\n"
      "40 27 0:44 /sub /mnt/x rw - btrfs /dev/sdb rw,subvol=/sub\n";
  for (std::size_t bytes = 0; bytes <= table.size(); ++bytes) {
    write(paths_.mountinfo, table.substr(0, bytes));
    const std::string use = use_of(1);
    if (bytes <= table.find('\n')) continue;
    EXPECT_THAT(use, HasSubstr("/mnt/data")) << bytes;
  }
}

TEST_F(DeviceUseTest, AFileUnderALoopDeviceIsNoTarget) {
  const std::string file = sysfs_.outside("image");
  write(file, "x");
  write(paths_.sysfs + "/block/loop7/loop/backing_file", file + "\n");
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_THAT(find_use(status, paths_).value_or(""), HasSubstr("use /dev/loop7 as target"));
}

TEST_F(DeviceUseTest, AMissingSysfsIsNoFault) {
  paths_.sysfs = sysfs_.outside("nothing");
  EXPECT_EQ(use_of(0), "");
}

}  // namespace
}  // namespace ezio
