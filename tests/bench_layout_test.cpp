#include "tools/bench/layout.hpp"

#include <gtest/gtest.h>

#include "bt/metainfo/extents.hpp"

namespace ezio {
namespace {

TEST(BenchLayout, HasTheDataItWasAskedForInSoManyExtents) {
  for (const std::uint32_t count : {1u, 2u, 341u, 3000u}) {
    for (const std::uint64_t total : {std::uint64_t{16} * MiB, std::uint64_t{1} << 32}) {
      const auto extents = scattered_layout(total, count);
      EXPECT_EQ(extents.size(), count);
      EXPECT_EQ(total_length(extents), total);
      EXPECT_FALSE(find_extent_fault(extents)) << count;
    }
  }
}

TEST(BenchLayout, CanBeAsFineAsBlocks) {
  const auto extents = scattered_layout(std::uint64_t{1000} * layout_block_bytes, 1000);
  for (const Extent& extent : extents) EXPECT_EQ(extent.length, layout_block_bytes);
}

TEST(BenchLayout, LeavesAGapOfWholeBlocksBeforeEachExtent) {
  std::uint64_t end = 0;
  for (const Extent& extent : scattered_layout(std::uint64_t{64} * MiB, 500)) {
    EXPECT_GE(extent.offset, end + layout_block_bytes);
    EXPECT_LE(extent.offset, end + layout_max_gap_bytes);
    EXPECT_EQ(extent.offset % layout_block_bytes, 0u);
    EXPECT_EQ(extent.length % layout_block_bytes, 0u);
    end = extent.offset + extent.length;
  }
}

TEST(BenchLayout, SpreadsLengthsFromABlockToTwiceTheMean) {
  const std::uint64_t mean = 32 * KiB;
  std::uint64_t least = mean;
  std::uint64_t most = mean;
  for (const Extent& extent : scattered_layout(mean * 5000, 5000)) {
    least = std::min(least, extent.length);
    most = std::max(most, extent.length);
  }
  EXPECT_EQ(least, layout_block_bytes);
  EXPECT_GE(most, 2 * mean - 2 * layout_block_bytes);
  EXPECT_LE(most, 3 * mean);  // the means of what is left wander a little
}

TEST(BenchLayout, IsTheSameEveryTime) {
  EXPECT_EQ(scattered_layout(std::uint64_t{64} * MiB, 77), scattered_layout(std::uint64_t{64} * MiB, 77));
}

TEST(BenchLayout, SaysWhatItIs) {
  EXPECT_EQ(describe_layout(contiguous_layout(MiB)), "one extent");
  EXPECT_EQ(describe_layout({{0, 4096}, {8192, 16 * MiB}}), "2 extents of 4 KiB-16 MiB");
}

}  // namespace
}  // namespace ezio
