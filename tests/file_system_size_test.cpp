// Against what mkfs makes of a file of known size.
#include "disk/file_system_size.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "disk_fixture.hpp"

namespace ezio {
namespace {

struct Case {
  const char* type;
  const char* command;  // and the file
  std::uint64_t bytes;
};
constexpr Case cases[] = {{"ext4", "mkfs.ext4 -q -F", 64 * MiB},
                          {"ext4", "mkfs.ext4 -q -F -O 64bit -b 1024", 24 * MiB},
                          {"ext2", "mkfs.ext2 -q -F -O ^resize_inode", 8 * MiB},
                          {"xfs", "mkfs.xfs -q -f", 512 * MiB},
                          {"btrfs", "mkfs.btrfs -q -f", 128 * MiB},
                          {"ntfs", "mkfs.ntfs -q -F -f", 16 * MiB},
                          {"vfat", "mkfs.vfat -F 12 >/dev/null", 4 * MiB},
                          {"vfat", "mkfs.vfat -F 32 >/dev/null", 64 * MiB}};

std::vector<std::byte> start_of(const Case& made) {
  const test::TempDir directory;
  const std::string path = directory.path("image");
  { UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)); }
  std::filesystem::resize_file(path, made.bytes);
  const std::string command = made.command;
  const auto blank = command.find(' ');
  test::run_command(command.substr(0, blank) + " " + path + command.substr(blank) + " 2>/dev/null");
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return test::read_all(fd.get(), superblock_bytes);
}

TEST(FileSystemSize, IsThatOfTheDeviceItWasMadeFor) {
  for (const Case& made : cases) {
    EXPECT_EQ(file_system_bytes(made.type, start_of(made)), made.bytes) << made.command;
  }
}

TEST(FileSystemSize, TooFewBytesAreNotReadBeyond) {
  const std::vector<std::byte> start = start_of(cases[0]);
  for (std::size_t bytes : {0, 1, 18, 512, 1024, 1028, 1048, 1052, 1500}) {
    for (const Case& made : cases) {
      // In memory of its own, so that a sanitizer sees what is behind it.
      const std::vector<std::byte> cut(start.begin(), start.begin() + static_cast<std::ptrdiff_t>(bytes));
      const auto found = file_system_bytes(made.type, cut);
      if (bytes < 19) {
        EXPECT_FALSE(found) << made.type << " of " << bytes;
      }
    }
  }
}

TEST(FileSystemSize, NumbersThatMakeNoSizeAreNone) {
  const std::vector<std::byte> ones(superblock_bytes, std::byte{0xFF});
  const std::vector<std::byte> zeros(superblock_bytes);
  for (const char* type : {"ext4", "xfs", "exfat", "f2fs"}) {
    EXPECT_FALSE(file_system_bytes(type, ones)) << type;
    EXPECT_FALSE(file_system_bytes(type, zeros)) << type;
  }
}

TEST(FileSystemSize, OfOthersIsNotKnown) {
  EXPECT_FALSE(file_system_bytes("reiserfs", std::vector<std::byte>(superblock_bytes)));
  EXPECT_FALSE(file_system_bytes("", {}));
}

}  // namespace
}  // namespace ezio
