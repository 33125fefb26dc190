// partclone's torrent.info: what partclone writes is read, what it never wrote is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <string>

#include "bt/base/hex.hpp"
#include "bt/metainfo/extents.hpp"
#include "bt/metainfo/metainfo.hpp"

namespace ezio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string extent(std::uint64_t offset, std::uint64_t length) {
  return fmt::format("offset: {:032x}\nlength: {:032x}\n", offset, length);
}

std::string sha1_line(char digit) {
  return "sha1: " + std::string(40, digit) + "\n";
}

const std::string head = "block_size: 4096\nblocks_total: 25600\n";

Result<TorrentInfo> parse(const std::string& text) {
  return parse_torrent_info(as_bytes(text), "torrent.info");
}

std::string error_of(const std::string& text) {
  const Result<TorrentInfo> info = parse(text);
  return info ? "accepted" : info.error().message;
}

TEST(TorrentInfo, ReadsWhatPartcloneWrites) {
  const auto info = parse(head + extent(0, 16 * MiB - 4096) + extent(32 * MiB, 8192) + sha1_line('a') +
                          extent(40 * MiB, 4096) + sha1_line('b'));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->block_size, 4096U);
  EXPECT_EQ(info->blocks_total, 25600U);
  EXPECT_THAT(info->extents,
              ElementsAre(Extent{0, 16 * MiB - 4096}, Extent{32 * MiB, 8192}, Extent{40 * MiB, 4096}));
  ASSERT_EQ(info->piece_hashes.size(), 2U);
  EXPECT_EQ(to_hex(info->piece_hashes[1]), std::string(40, 'b'));
}

TEST(TorrentInfo, TakesASha1LineBetweenAnOffsetAndItsLength) {
  const auto info = parse(head + extent(0, 16 * MiB) + "offset: 02000000\n" + sha1_line('a') +
                          "length: 1000\n" + sha1_line('b'));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->extents.back(), (Extent{32 * MiB, 4096}));
}

TEST(TorrentInfo, ReadsFilesOfOlderVersionsWithoutASize) {
  const auto info = parse(extent(4096, 4096) + sha1_line('0'));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->block_size * info->blocks_total, 0U);
}

TEST(TorrentInfo, PassesOverUnknownKeysBlankLinesAndCarriageReturns) {
  EXPECT_TRUE(parse("device: /dev/sda1\r\n\r\n" + extent(0, 4096) + sha1_line('0')));
}

TEST(TorrentInfo, DoesNotNeedTheLastNewline) {
  std::string text = head + extent(0, 4096) + sha1_line('0');
  text.pop_back();
  EXPECT_EQ(error_of(text), "accepted");
}

TEST(TorrentInfo, RefusesEveryTruncation) {
  const std::string text =
      head + extent(0, 16 * MiB) + extent(32 * MiB, 4096) + sha1_line('a') + sha1_line('b');
  ASSERT_EQ(error_of(text), "accepted");
  for (std::size_t length = 0; length + 1 < text.size(); ++length)
    EXPECT_NE(error_of(text.substr(0, length)), "accepted") << length;
}

TEST(TorrentInfo, RefusesMissingAndExtraHashes) {
  EXPECT_EQ(error_of(head + extent(0, 16 * MiB + 4096) + sha1_line('a')),
            "torrent.info: 1 sha1 lines, but 16781312 bytes in pieces of 16 MiB need 2");
  EXPECT_THAT(error_of(head + extent(0, 16 * MiB) + sha1_line('a') + sha1_line('b')),
              HasSubstr("2 sha1 lines"));
  EXPECT_THAT(error_of(head + extent(0, 4096)), HasSubstr("0 sha1 lines"));
}

TEST(TorrentInfo, RefusesOffsetsAndLengthsThatDoNotPair) {
  EXPECT_THAT(error_of("offset: 0\noffset: 1000\n"), HasSubstr("line 2: an offset follows an offset"));
  EXPECT_THAT(error_of("length: 1000\n"), HasSubstr("line 1: a length without an offset"));
  EXPECT_THAT(error_of(extent(0, 4096) + "length: 1000\n"), HasSubstr("line 3: a length without"));
  EXPECT_THAT(error_of(extent(0, 4096) + sha1_line('0') + "offset: 5000\n"),
              HasSubstr("the last offset, 0x5000, has no length"));
}

TEST(TorrentInfo, NamesLineFieldAndValueOfABadNumber) {
  EXPECT_EQ(error_of("offset: 10junk\n"),
            "torrent.info: line 1: offset: '10junk' is not 1 to 32 hexadecimal digits of a value below 2^63");
  for (const char* value : {"", "-200", "0x10", "000000000000000000000000000000000", "8000000000000000"})
    EXPECT_THAT(error_of(fmt::format("offset: {}\n", value)), HasSubstr("offset: '")) << value;
  for (const char* value : {"0", "", "-1", "zz", "ffffffffffffffffffffffffffffffff"})
    EXPECT_THAT(error_of(fmt::format("offset: 0\nlength: {}\n", value)), HasSubstr("line 2: length: '"))
        << value;
  EXPECT_THAT(error_of("sha1: 12\n"), HasSubstr("line 1: sha1: '12' is not 40 hexadecimal digits"));
}

TEST(TorrentInfo, RefusesSizesThatAreNoCounts) {
  for (const char* value : {"0", "-4096", "4k", "", "9223372036854775808", "99999999999999999999"}) {
    EXPECT_THAT(error_of(fmt::format("block_size: {}\n", value)), HasSubstr("line 1: block_size: '"))
        << value;
    EXPECT_THAT(error_of(fmt::format("blocks_total: {}\n", value)), HasSubstr("blocks_total: '")) << value;
  }
  EXPECT_THAT(error_of("block_size: 512\nblock_size: 512\n"), HasSubstr("line 2: block_size comes twice"));
}

TEST(TorrentInfo, RefusesHalfASize) {
  const std::string data = extent(0, 4096) + sha1_line('0');
  EXPECT_THAT(error_of("block_size: 4096\n" + data), HasSubstr("blocks_total is missing"));
  EXPECT_THAT(error_of("blocks_total: 4096\n" + data), HasSubstr("block_size is missing"));
}

TEST(TorrentInfo, RefusesADeviceSizeThatOverflows) {
  EXPECT_THAT(
      error_of("block_size: 4096\nblocks_total: 4503599627370496\n" + extent(0, 4096) + sha1_line('0')),
      HasSubstr("blocks_total: 4503599627370496 blocks of 4096 bytes exceed"));
}

TEST(TorrentInfo, RefusesExtentsBeyondTheDeclaredSize) {
  const std::string size = "block_size: 4096\nblocks_total: 3\n";
  EXPECT_EQ(error_of(size + extent(4096, 8192) + sha1_line('0')), "accepted");
  EXPECT_EQ(
      error_of(size + extent(0, 512) + extent(4096, 8193) + sha1_line('0')),
      "torrent.info: extent 1: 8193 bytes at offset 0x1000 exceeds blocks_total x block_size = 12288 bytes");
}

TEST(TorrentInfo, RefusesOverlappingExtents) {
  EXPECT_EQ(error_of(head + extent(8192, 4096) + extent(4096, 4097) + sha1_line('0')),
            "torrent.info: extent 0: 4096 bytes at offset 0x2000 overlaps 4097 bytes at offset 0x1000");
}

TEST(TorrentInfo, RefusesAnExtentThatEndsBeyondEveryDevice) {
  EXPECT_THAT(error_of("offset: 7ffffffffffff000\nlength: 1000\n" + sha1_line('0')), HasSubstr("extent 0:"));
}

TEST(TorrentInfo, RefusesLinesThatAreNoPairs) {
  for (const char* line : {"garbage", ": x", "Offset: 0", "offset:0",
                           "\x7f"
                           "ELF",
                           "{\"a\": 1}"})
    EXPECT_THAT(error_of(std::string(line) + "\n"), HasSubstr("line 1: '")) << line;
  EXPECT_EQ(error_of(""), "torrent.info: extent 0: there are no extents");
}

TEST(Extents, AreFoundDisjointInAnyOrder) {
  EXPECT_FALSE(find_extent_fault(std::vector<Extent>{{8192, 4096}, {0, 4096}, {4096, 4096}}));
  const auto fault = find_extent_fault(std::vector<Extent>{{8192, 4096}, {0, 4096}, {4095, 2}});
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->index, 2U);
}

TEST(Extents, MayEndJustBelowTheLargestDevice) {
  EXPECT_FALSE(find_extent_fault(std::vector<Extent>{{max_device_bytes - 4096, 4095}}));
  EXPECT_TRUE(find_extent_fault(std::vector<Extent>{{max_device_bytes - 4096, 4096}}));
  EXPECT_TRUE(find_extent_fault(std::vector<Extent>{{max_device_bytes, 1}}));
  EXPECT_TRUE(find_extent_fault(std::vector<Extent>{{1, UINT64_MAX}}));
}

}  // namespace
}  // namespace ezio
