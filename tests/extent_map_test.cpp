#include "disk/extent_map.hpp"

#include <gtest/gtest.h>

#include <random>

namespace ezio {
namespace {

TEST(ExtentMap, FindsTheRunOfEveryByte) {
  const ExtentMap map(std::vector<Extent>{{100, 10}, {500, 1}, {50, 7}});
  EXPECT_EQ(map.total_length(), 18u);
  ASSERT_EQ(map.run_count(), 3u);
  for (std::uint64_t at = 0; at < 18; ++at) EXPECT_EQ(map.run_at(at), at < 10 ? 0u : at < 11 ? 1u : 2u) << at;
  EXPECT_EQ(map.run(0), (DeviceRun{0, 100, 10}));
  EXPECT_EQ(map.run(1), (DeviceRun{10, 500, 1}));
  EXPECT_EQ(map.run(2), (DeviceRun{11, 50, 7}));
}

TEST(ExtentMap, NeighboursInTorrentAndOnTheDeviceBecomeOneRun) {
  const ExtentMap map(std::vector<Extent>{{0, 10}, {10, 5}, {15, 1}, {20, 4}, {24, 4}});
  ASSERT_EQ(map.run_count(), 2u);
  EXPECT_EQ(map.run(0), (DeviceRun{0, 0, 16}));
  EXPECT_EQ(map.run(1), (DeviceRun{16, 20, 8}));
}

TEST(ExtentMap, NeighboursOnTheDeviceInTheOtherOrderStayApart) {
  const ExtentMap map(std::vector<Extent>{{10, 5}, {0, 10}});
  ASSERT_EQ(map.run_count(), 2u);
  EXPECT_EQ(map.run(1), (DeviceRun{5, 0, 10}));
}

TEST(ExtentMap, UnmergedRunsAreTheExtents) {
  const ExtentMap map(std::vector<Extent>{{0, 10}, {10, 5}}, ExtentMap::Merge::none);
  ASSERT_EQ(map.run_count(), 2u);
  EXPECT_EQ(map.run_at(9), 0u);
  EXPECT_EQ(map.run_at(10), 1u);
}

TEST(ExtentMap, OffsetsBeyond32BitsHold) {
  const std::uint64_t far = (std::uint64_t{1} << 63) - 4096;
  const ExtentMap map(std::vector<Extent>{{0, std::uint64_t{1} << 40}, {far, 4096}});
  EXPECT_EQ(map.run(map.run_at(std::uint64_t{1} << 40)), (DeviceRun{std::uint64_t{1} << 40, far, 4096}));
}

TEST(ExtentMap, AMillionExtentsAreSearched) {
  std::vector<Extent> extents;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) extents.push_back({i * 8192, 4096 + i % 4096});
  const ExtentMap map(extents);
  ASSERT_EQ(map.run_count(), extents.size());
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    const std::size_t index = random() % extents.size();
    const DeviceRun run = map.run(index);
    EXPECT_EQ(run.device_offset, extents[index].offset);
    EXPECT_EQ(run.length, extents[index].length);
    EXPECT_EQ(map.run_at(run.torrent_offset), index);
    EXPECT_EQ(map.run_at(run.torrent_offset + run.length - 1), index);
  }
}

}  // namespace
}  // namespace ezio
