#include "bt/frame/frame.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace ezio {
namespace {

using Buffer = std::vector<std::byte>;

// Text-like: some 4 bits of news a byte.
Buffer shrinking(std::size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  Buffer bytes(size);
  for (std::byte& byte : bytes) byte = std::byte(random() % 16);
  return bytes;
}

Buffer random_bytes(std::size_t size) {
  std::mt19937 random(7);
  Buffer bytes(size);
  for (std::byte& byte : bytes) byte = std::byte(random());
  return bytes;
}

Buffer pack(const Buffer& plain, int level = default_frame_level,
            FramePacker::Use use = FramePacker::Use::sent) {
  Buffer frame(largest_frame_bytes(static_cast<std::uint32_t>(plain.size())));
  frame.resize(FramePacker(level, use).pack(plain, frame));
  return frame;
}

std::string error_of(const Buffer& frame, std::size_t plain_bytes) {
  Buffer plain(plain_bytes);
  const Result<void> result = FrameUnpacker().unpack(frame, plain);
  return result ? "" : result.error().message;
}

TEST(Frame, GivesBackWhatWasPacked) {
  for (const std::size_t size :
       {std::size_t{16 * KiB}, std::size_t{1000}, std::size_t{300000}, std::size_t{MiB}}) {
    for (const int level : {least_frame_level, default_frame_level, greatest_frame_level}) {
      const Buffer plain = shrinking(size);
      const Buffer frame =
          pack(plain, level, size == MiB ? FramePacker::Use::stored : FramePacker::Use::sent);
      ASSERT_GT(frame.size(), 0u);
      ASSERT_LT(frame.size(), size);
      Buffer unpacked(size);
      const Result<void> result = FrameUnpacker().unpack(frame, unpacked);
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(unpacked, plain);
    }
  }
}

// Words of four bytes that come again far from where they were, as in a program.
TEST(Frame, WhatIsStoredIsSmaller) {
  std::mt19937 random(3);
  std::vector<std::uint32_t> words(4000);
  for (auto& word : words) word = static_cast<std::uint32_t>(random()) & 0x3f3f3f3f;
  Buffer segment;
  while (segment.size() < MiB) {
    const std::uint32_t word = words[random() % words.size()];
    for (int shift = 0; shift < 32; shift += 8) segment.push_back(std::byte(word >> shift));
    if (random() % 4 == 0) segment.push_back(std::byte(random()));
  }
  segment.resize(MiB);
  const std::size_t sent = pack(segment, default_frame_level, FramePacker::Use::sent).size();
  const std::size_t stored = pack(segment, default_frame_level, FramePacker::Use::stored).size();
  EXPECT_GT(stored, 0u);
  EXPECT_LT(stored, sent);
}

TEST(Frame, WhatDoesNotShrinkBy5PercentHasNone) {
  EXPECT_TRUE(pack(random_bytes(MiB)).empty());
  Buffer mostly_random = random_bytes(MiB);
  std::fill_n(mostly_random.begin(), MiB / 25, std::byte{});  // 4 %
  EXPECT_TRUE(pack(mostly_random).empty());
  std::fill_n(mostly_random.begin(), MiB / 15, std::byte{});  // 6.7 %
  EXPECT_FALSE(pack(mostly_random).empty());
}

TEST(Frame, PackerIsOfUseAfterOneThatHasNone) {
  FramePacker packer;
  Buffer frame(largest_frame_bytes(MiB));
  EXPECT_EQ(packer.pack(random_bytes(MiB), frame), 0u);
  const Buffer plain = shrinking(MiB);
  frame.resize(packer.pack(plain, frame));
  EXPECT_EQ(error_of(frame, MiB), "");
  EXPECT_EQ(frame, pack(plain)) << "and the same as by another";
}

TEST(Frame, SaysWhatItHolds) {
  const Result<FrameHeader> header = read_frame_header(pack(shrinking(MiB)));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->plain_bytes, MiB);
  EXPECT_LE(header->window_bytes, MiB);
}

TEST(Frame, IsRefusedWhereItIsNotOneOfTheSize) {
  const Buffer frame = pack(shrinking(MiB));
  EXPECT_NE(error_of(frame, MiB - 1), "");
  EXPECT_NE(error_of(frame, MiB + 1), "");
  EXPECT_NE(error_of(Buffer(frame.begin(), frame.end() - 1), MiB), "") << "cut off";
  Buffer longer = frame;
  longer.push_back(std::byte{});
  EXPECT_NE(error_of(longer, MiB), "") << "with a byte behind it";
  Buffer two = frame;
  two.insert(two.end(), frame.begin(), frame.end());
  EXPECT_NE(error_of(two, 2 * MiB), "") << "two of them";
  EXPECT_NE(error_of({}, MiB), "");
  EXPECT_NE(error_of(random_bytes(1000), MiB), "");
}

TEST(Frame, IsRefusedWithAWindowBeyondASegment) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 23);
  ZSTD_CCtx_setPledgedSrcSize(context, 9 * MiB);
  Buffer plain = shrinking(9 * MiB);
  Buffer frame(plain.size());
  ZSTD_inBuffer in{plain.data(), plain.size(), 0};
  ZSTD_outBuffer out{frame.data(), frame.size(), 0};
  ASSERT_EQ(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0u);
  frame.resize(out.pos);
  ZSTD_freeCCtx(context);
  EXPECT_NE(error_of(frame, plain.size()).find("window"), std::string::npos);
}

TEST(Frame, IsRefusedWithADictionary) {
  Buffer frame = pack(shrinking(100000));
  frame[4] |= std::byte{1};
  EXPECT_NE(error_of(frame, 100000).find("dictionary"), std::string::npos);
}

// Whatever a peer sends: no byte beyond the room is written (this runs under the address sanitizer, too), and
// what is accepted has exactly the size.
TEST(Frame, AlteredNeverWritesBeyondItsRoom) {
  const Buffer plain = shrinking(64 * KiB);
  const Buffer frame = pack(plain);
  std::mt19937 random(3);
  for (int i = 0; i < 3000; ++i) {
    Buffer altered = frame;
    for (int k = 0; k < 1 + i % 4; ++k) altered[random() % altered.size()] = std::byte(random());
    if (i % 7 == 0) altered.resize(random() % altered.size());
    Buffer room(plain.size() + 4096, std::byte{0x5A});
    (void)FrameUnpacker().unpack(altered, MutableBytes(room).subspan(2048, plain.size()));
    ASSERT_TRUE(
        std::all_of(room.begin(), room.begin() + 2048, [](std::byte b) { return b == std::byte{0x5A}; }));
    ASSERT_TRUE(std::all_of(room.end() - 2048, room.end(), [](std::byte b) { return b == std::byte{0x5A}; }));
  }
}

TEST(Frame, IdTellsFramesApart) {
  const Buffer plain = shrinking(MiB);
  const Buffer frame = pack(plain);
  const Buffer other = pack(plain, 6);
  ASSERT_NE(frame, other);
  EXPECT_EQ(frame_id(frame), frame_id(Buffer(frame)));
  EXPECT_NE(frame_id(frame), frame_id(other));
  EXPECT_NE(frame_id(frame), 0u);
}

}  // namespace
}  // namespace ezio
