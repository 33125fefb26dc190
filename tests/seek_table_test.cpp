// The index of a packed image, its header, and the frames that are made by hand.
#include "disk/seek_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <random>

#include "bt/frame/frame.hpp"
#include "disk/packed_format.hpp"

namespace ezio {
namespace {

using testing::HasSubstr;
using Buffer = std::vector<std::byte>;

std::vector<SeekEntry> many_entries(std::uint32_t count) {
  std::vector<SeekEntry> entries{{100, 0, 0x51D8E999}};
  for (std::uint32_t i = 1; i < count; ++i)
    entries.push_back({i % 977 + 1, (i % 3 + 1) * MiB, i * 2654435761U});
  return entries;
}

TEST(SeekTable, HasTheBytesOfTheFormat) {
  const std::vector<SeekEntry> entries{{0x11, 0x2233, 0xAABBCCDD}};
  const std::vector<unsigned> wanted{0x5E, 0x2A, 0x4D, 0x18, 21,   0,    0,    0,    0x11, 0,
                                     0,    0,    0x33, 0x22, 0,    0,    0xDD, 0xCC, 0xBB, 0xAA,
                                     1,    0,    0,    0,    0x80, 0xB1, 0xEA, 0x92, 0x8F};
  std::vector<unsigned> found;
  for (const std::byte byte : encode_seek_table(entries)) found.push_back(std::to_integer<unsigned>(byte));
  EXPECT_EQ(found, wanted);
}

TEST(SeekTable, FindsEveryFrameAgain) {
  for (const std::uint32_t count : {2U, 63U, 64U, 65U, 1000U}) {
    const auto entries = many_entries(count);
    const auto table = SeekTable::parse(encode_seek_table(entries));
    ASSERT_TRUE(table) << table.error().message;
    ASSERT_EQ(table->frames(), count);
    std::uint64_t stored = 0, plain = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const SeekTable::Place place = table->place(i);
      EXPECT_EQ(place.entry, entries[i]);
      EXPECT_EQ(place.stored_offset, stored);
      EXPECT_EQ(place.plain_offset, plain);
      if (i > 0) {
        EXPECT_EQ(table->find(plain).frame, i);
        EXPECT_EQ(table->find(plain + entries[i].plain_bytes - 1).frame, i);
      }
      stored += entries[i].stored_bytes;
      plain += entries[i].plain_bytes;
    }
    EXPECT_EQ(table->stored_bytes(), stored);
    EXPECT_EQ(table->plain_bytes(), plain);
  }
}

TEST(SeekTable, CutOffAnywhereIsRefused) {
  const Buffer table = encode_seek_table(many_entries(20));
  for (std::size_t length = 0; length < table.size(); ++length) {
    EXPECT_FALSE(SeekTable::parse(Buffer(table.begin(), table.begin() + length))) << "the first " << length;
    EXPECT_FALSE(SeekTable::parse(Buffer(table.end() - length, table.end()))) << "the last " << length;
  }
}

TEST(SeekTable, OtherKindsAndTooManyFramesAreRefused) {
  const Buffer table = encode_seek_table(many_entries(20));
  Buffer no_checksums = table;
  no_checksums[table.size() - 5] = std::byte{0};
  EXPECT_THAT(SeekTable::parse(no_checksums).error().message, HasSubstr("of a kind"));
  Buffer footer(table.end() - seek_footer_bytes, table.end());
  footer[3] = std::byte{1};  // 2^24 more
  EXPECT_THAT(parse_seek_footer(footer).error().message, HasSubstr("are read"));
}

TEST(PlainChecksum, IsTheLowHalfOfXxh64) {
  EXPECT_EQ(plain_checksum({}), 0x51D8E999U);  // of EF46DB3751D8E999
  EXPECT_EQ(plain_checksum(as_bytes("a")), 0xA98C6E5BU);
  EXPECT_EQ(plain_checksum(as_bytes("abc")), 0xAD770999U);
}

TEST(ZeroFrames, AreUnpackedByZstdAndHaveTheChecksumOfZeros) {
  ZeroChecksums checksums;
  for (const std::uint32_t length :
       {3 * MiB, 1U, 1000U, 128 * KiB, 128 * KiB + 1, MiB - 1, MiB, 2 * MiB, 5 * MiB + 77}) {
    const Buffer frame = encode_zero_frame(length);
    EXPECT_EQ(frame.size(), zero_frame_bytes(length));
    Buffer plain(length, std::byte{1});
    ASSERT_EQ(ZSTD_decompress(plain.data(), plain.size(), frame.data(), frame.size()), length);
    EXPECT_TRUE(std::ranges::all_of(plain, [](std::byte b) { return b == std::byte{0}; }));
    EXPECT_EQ(checksums.of(length), plain_checksum(plain)) << length;
  }
}

TEST(RawFrames, AreTakenLikeAnyOther) {
  std::mt19937 random(1);
  for (const std::uint32_t length : {1U, 1000U, 128 * KiB, 128 * KiB + 1, MiB}) {
    Buffer plain(length);
    std::ranges::generate(plain, [&] { return std::byte(random()); });
    const Buffer frame = encode_raw_frame(plain);
    EXPECT_EQ(frame.size(), raw_frame_bytes(length));
    Buffer found(length);
    const auto unpacked = FrameUnpacker().unpack(frame, found);
    ASSERT_TRUE(unpacked) << unpacked.error().message;
    EXPECT_EQ(found, plain);
  }
}

PackedHeader header_of_a_disk() {
  PackedHeader header{{{1 << 20, 4096}, {0, 4096}, {3 << 20, 77}}, 4 << 20, DiskLayout{}};
  header.disk->table = "gpt";
  header.disk->partitions.push_back({1, 1 << 20, 2 << 20, 4096, "ext4", "root"});
  return header;
}

TEST(PackedHeader, GivesBackWhatWasPutIn) {
  const PackedHeader header = header_of_a_disk();
  const auto parsed = parse_packed_header(encode_packed_header(header));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->extents, header.extents);
  EXPECT_EQ(parsed->target_size, header.target_size);
  EXPECT_EQ(parsed->disk, header.disk);
}

TEST(PackedHeader, WithAnyBitOtherOrCutOffIsRefused) {
  const Buffer frame = encode_packed_header(header_of_a_disk());
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    Buffer altered = frame;
    altered[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(parse_packed_header(altered)) << "bit " << bit;
  }
  for (std::size_t length = 0; length < frame.size(); ++length)
    EXPECT_FALSE(parse_packed_header(Bytes(frame).first(length))) << length;
}

TEST(PackedHeader, WhoseExtentsAreNoneOrDoNotFitIsRefused) {
  const auto fault = [](PackedHeader header) {
    const auto parsed = parse_packed_header(encode_packed_header(header));
    return parsed ? "accepted" : parsed.error().message;
  };
  EXPECT_THAT(fault({{}, 100, {}}), HasSubstr("extents"));
  EXPECT_THAT(fault({{{0, 10}, {5, 10}}, 100, {}}), HasSubstr("overlaps"));
  EXPECT_THAT(fault({{{0, 10}, {90, 11}}, 100, {}}), HasSubstr("target size"));
  EXPECT_EQ(fault({{{0, 10}, {90, 10}}, 100, {}}), "accepted");
}

}  // namespace
}  // namespace ezio
