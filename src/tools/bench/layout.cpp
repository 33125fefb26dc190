#include "tools/bench/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <random>

namespace ezio {
namespace {

std::string describe_bytes(std::uint64_t bytes) {
  return bytes < MiB ? fmt::format("{} KiB", bytes / KiB) : fmt::format("{:.0f} MiB", double(bytes) / MiB);
}

}  // namespace

std::vector<Extent> contiguous_layout(std::uint64_t total_bytes) {
  return {{0, total_bytes}};
}

std::vector<Extent> scattered_layout(std::uint64_t total_bytes, std::uint32_t count) {
  assert(count > 0 && total_bytes % layout_block_bytes == 0);
  std::mt19937_64 random(count);
  std::uniform_int_distribution<std::uint64_t> gap_blocks(1, layout_max_gap_bytes / layout_block_bytes);
  std::vector<Extent> extents;
  extents.reserve(count);
  std::uint64_t offset = 0;
  std::uint64_t blocks_left = total_bytes / layout_block_bytes;
  assert(blocks_left >= count);
  for (std::uint64_t left = count; left > 0; --left) {
    // The mean of what is left keeps the sum on its way; each of the others must get a block.
    const std::uint64_t most = std::min(2 * (blocks_left / left) - 1, blocks_left - (left - 1));
    const std::uint64_t blocks =
        left == 1 ? blocks_left : std::uniform_int_distribution<std::uint64_t>(1, most)(random);
    offset += gap_blocks(random) * layout_block_bytes;
    extents.push_back({offset, blocks * layout_block_bytes});
    offset += blocks * layout_block_bytes;
    blocks_left -= blocks;
  }
  return extents;
}

std::string describe_layout(const std::vector<Extent>& extents) {
  if (extents.size() == 1) return "one extent";
  const auto [least, most] = std::minmax_element(
      extents.begin(), extents.end(), [](const Extent& a, const Extent& b) { return a.length < b.length; });
  return fmt::format("{} extents of {}-{}", extents.size(), describe_bytes(least->length),
                     describe_bytes(most->length));
}

}  // namespace ezio
