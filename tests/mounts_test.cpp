#include "disk/mounts.hpp"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace ezio {
namespace {

constexpr std::string_view mountinfo =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda1 rw,discard\n"
    "40 27 0:44 /sub /mnt/my\\040disk rw - btrfs /dev/disk\\134x rw,subvol=/sub\n";

TEST(Mounts, LinesAreReadWithAndWithoutOptionalFields) {
  const auto mounts = parse_mountinfo(mountinfo);
  ASSERT_EQ(mounts.size(), 3u);
  EXPECT_EQ(mounts[0].source, "proc");
  EXPECT_EQ(mounts[1].device, makedev(254, 0));
  EXPECT_EQ(mounts[1].mount_point, "/");
  EXPECT_EQ(mounts[1].source, "/dev/vda1");
}

TEST(Mounts, OctalEscapesAreUndone) {
  const auto mounts = parse_mountinfo(mountinfo);
  EXPECT_EQ(mounts[2].mount_point, "/mnt/my disk");
  EXPECT_EQ(mounts[2].source, "/dev/disk\\x");
}

TEST(Mounts, EveryTruncationIsReadWithoutFault) {
  for (std::size_t bytes = 0; bytes <= mountinfo.size(); ++bytes) {
    EXPECT_LE(parse_mountinfo(mountinfo.substr(0, bytes)).size(), 3u);
  }
}

TEST(Mounts, SwapPathsAreRead) {
  const auto swaps = parse_swaps(
      "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
      "/dev/sda2                               partition\t8388604\t\t0\t\t-2\n"
      "/swap\\040file                          file\t\t1024\t\t0\t\t-3\n");
  EXPECT_EQ(swaps, (std::vector<std::string>{"/dev/sda2", "/swap file"}));
}

}  // namespace
}  // namespace ezio
