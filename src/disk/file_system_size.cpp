#include "disk/file_system_size.hpp"

#include <array>
#include <limits>

namespace ezio {
namespace {

// A number in a superblock.
struct Field {
  std::size_t offset;
  std::size_t bytes;
  bool big_endian = false;
};

// Nothing beyond the bytes that are there is ever read: such a number is 0.
std::uint64_t number(Bytes start, Field field) {
  if (field.offset + field.bytes > start.size()) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < field.bytes; ++i) {
    const std::size_t at = field.offset + (field.big_endian ? i : field.bytes - 1 - i);
    value = value << 8 | std::to_integer<std::uint64_t>(start[at]);
  }
  return value;
}

std::optional<std::uint64_t> product(std::uint64_t blocks, std::uint64_t block_bytes) {
  if (blocks == 0 || block_bytes == 0) return std::nullopt;
  if (blocks > std::numeric_limits<std::uint64_t>::max() / block_bytes) return std::nullopt;
  return blocks * block_bytes;
}

std::optional<std::uint64_t> shifted(std::uint64_t blocks, std::uint64_t log2_bytes) {
  if (log2_bytes > 30) return std::nullopt;
  return product(blocks, std::uint64_t{1} << log2_bytes);
}

// struct ext2_super_block at 1024.
std::optional<std::uint64_t> ext(Bytes start) {
  constexpr std::size_t super = 1024;
  constexpr std::uint64_t incompat_64bit = 0x80;
  std::uint64_t blocks = number(start, {super + 4, 4});
  if (number(start, {super + 0x60, 4}) & incompat_64bit) blocks |= number(start, {super + 0x150, 4}) << 32;
  return shifted(blocks, 10 + number(start, {super + 24, 4}));
}

// struct xfs_dsb at 0.
std::optional<std::uint64_t> xfs(Bytes start) {
  return product(number(start, {8, 8, true}), number(start, {4, 4, true}));
}

// struct btrfs_super_block at 64 KiB: of its dev_item the total_bytes, which are those of this device.
std::optional<std::uint64_t> btrfs(Bytes start) {
  return product(number(start, {64 * 1024 + 0xc9 + 8, 8}), 1);
}

// The boot sector; the last sector of the partition holds its copy, and is not counted.
std::optional<std::uint64_t> ntfs(Bytes start) {
  return product(number(start, {0x28, 8}) + 1, number(start, {0x0b, 2}));
}

std::optional<std::uint64_t> fat(Bytes start) {
  const std::uint64_t sectors16 = number(start, {19, 2});
  return product(sectors16 != 0 ? sectors16 : number(start, {32, 4}), number(start, {11, 2}));
}

std::optional<std::uint64_t> exfat(Bytes start) {
  return shifted(number(start, {72, 8}), number(start, {108, 1}));
}

// struct f2fs_super_block at 1024.
std::optional<std::uint64_t> f2fs(Bytes start) {
  constexpr std::size_t super = 1024;
  return shifted(number(start, {super + 36, 8}), number(start, {super + 16, 4}));
}

struct Known {
  std::string_view type;
  std::optional<std::uint64_t> (*bytes)(Bytes start);
};
constexpr std::array<Known, 9> known{{{"ext2", ext},
                                      {"ext3", ext},
                                      {"ext4", ext},
                                      {"xfs", xfs},
                                      {"btrfs", btrfs},
                                      {"ntfs", ntfs},
                                      {"vfat", fat},
                                      {"exfat", exfat},
                                      {"f2fs", f2fs}}};

}  // namespace

std::optional<std::uint64_t> file_system_bytes(std::string_view type, Bytes start) {
  for (const Known& file_system : known) {
    if (file_system.type == type) return file_system.bytes(start);
  }
  return std::nullopt;
}

}  // namespace ezio
