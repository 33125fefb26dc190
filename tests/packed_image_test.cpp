// Packed images: what is packed comes back, in any order and length, and damage is told with its place.
#include "disk/packed_image.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "bt/sha1/sha1.hpp"
#include "disk/bulk_hash.hpp"
#include "disk/bulk_pack.hpp"
#include "disk/open_storage.hpp"
#include "disk/source.hpp"
#include "disk_fixture.hpp"
#include "packed_fixture.hpp"

namespace ezio {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;
using Kind = PackedImage::Frame::Kind;
using PackedImageTest = test::PackedFixture;

TEST_F(PackedImageTest, GivesBackWhatWasPackedInWhateverPartsItIsRead) {
  const std::string data = test::mixed(13 * MiB + 12345);
  const std::string path = pack(data);
  EXPECT_TRUE(is_packed_image(path));
  EXPECT_FALSE(is_packed_image(directory_.path("source")));
  const auto image = PackedImage::open(path);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ((*image)->plain_bytes(), data.size());
  EXPECT_TRUE(read(**image, 0, data.size()) == data);
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t begin = random() % data.size();
    const std::size_t length =
        std::min<std::size_t>(random() % (i % 2 == 0 ? 5000 : 3 * MiB) + 1, data.size() - begin);
    ASSERT_TRUE(read(**image, begin, length) == data.substr(begin, length)) << begin << " " << length;
  }
}

TEST_F(PackedImageTest, ExtentsLieInItAsTheyDoInTheTorrent) {
  const std::string data = test::mixed(6 * MiB);
  const std::string path = pack(data, {{4 * MiB + 1, MiB}, {5, 3 * MiB}});
  const auto image = PackedImage::open(path);
  ASSERT_TRUE(image);
  EXPECT_TRUE(read(**image, 0, 4 * MiB) == data.substr(4 * MiB + 1, MiB) + data.substr(5, 3 * MiB));
  // Cut elsewhere, they are the same bytes.
  EXPECT_TRUE(
      open_packed_source(path, std::vector<Extent>{{4 * MiB + 1, MiB}, {5, MiB}, {5 + MiB, 2 * MiB}}));
  for (const std::vector<Extent>& other :
       {std::vector<Extent>{{5, 3 * MiB}, {4 * MiB + 1, MiB}}, {{4 * MiB + 1, MiB}}, {{0, 4 * MiB}}}) {
    const auto refused = open_packed_source(path, other);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("not what the torrent was made of"));
  }
}

TEST_F(PackedImageTest, IsTheSameHoweverManyThreadsMadeIt) {
  const std::string data = test::mixed(20 * MiB + 5);
  pack(data, {{0, data.size()}}, 1);
  const std::string one = directory_.read("packed");
  pack(data, {{0, data.size()}}, 8);
  EXPECT_TRUE(directory_.read("packed") == one);
  pack(data, {{0, data.size()}}, 8, 4 * MiB);
  EXPECT_TRUE(directory_.read("packed") == one) << "and whether it is hashed";
}

TEST_F(PackedImageTest, IsHashedOnTheWay) {
  const std::string data = test::mixed(9 * MiB + 100);
  for (const std::uint32_t piece_length : {16 * KiB, 256 * KiB, MiB, 4 * MiB, 16 * MiB}) {
    const std::string path = pack(data, {{0, data.size()}}, 3, piece_length);
    const Geometry geometry(data.size(), piece_length);
    const auto reader =
        open_source_reader(directory_.path("source"), "x", std::vector<Extent>{{0, data.size()}});
    const auto wanted = hash_pieces(**reader, geometry, {});
    ASSERT_TRUE(wanted);
    EXPECT_TRUE(hashes_ == *wanted) << piece_length;
    const auto packed = open_source_reader(path, "x", std::vector<Extent>{{0, data.size()}});
    ASSERT_TRUE(packed);
    const auto found = hash_pieces(**packed, geometry, {});
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_TRUE(*found == *wanted) << piece_length;
  }
}

TEST_F(PackedImageTest, ZerosAreKnownAndWhatDoesNotShrinkIsStoredAsItIs) {
  std::string data(7 * MiB + 10, '\0');
  std::mt19937 random(5);
  for (std::size_t i = 0; i < MiB; ++i) data[MiB + i] = static_cast<char>(random());
  for (std::size_t i = 0; i < MiB; ++i) data[2 * MiB + i] = 'x';
  const auto image = PackedImage::open(pack(data));
  ASSERT_TRUE(image) << image.error().message;
  std::vector<Kind> kinds;
  for (std::uint32_t i = 0; i < (*image)->frames(); ++i) kinds.push_back((*image)->frame(i).kind);
  EXPECT_THAT(kinds, testing::ElementsAre(Kind::zeros, Kind::raw, Kind::packed, Kind::zeros));
  EXPECT_EQ((*image)->frame(3).plain_bytes, 4 * MiB + 10);
  EXPECT_TRUE((*image)->is_hole(0, MiB));
  EXPECT_TRUE((*image)->is_hole(3 * MiB + 7, 4 * MiB + 3));
  EXPECT_FALSE((*image)->is_hole(0, MiB + 1));
  EXPECT_FALSE((*image)->is_hole(2 * MiB, MiB));
  EXPECT_TRUE(read(**image, 0, data.size()) == data);
}

TEST_F(PackedImageTest, OnlyZerosIsAlmostNothing) {
  for (const std::size_t length :
       {std::size_t{1}, std::size_t{MiB}, std::size_t{5 * MiB}, std::size_t{3 * MiB + 1}}) {
    const auto image = PackedImage::open(pack(std::string(length, '\0')));
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ((*image)->frames(), 1U);
    EXPECT_TRUE((*image)->is_hole(0, length));
    EXPECT_LT((*image)->file_bytes(), 500U);
  }
}

TEST_F(PackedImageTest, AHoleOfATiBIsNotReadAndFillsNoMemory) {
  const std::string source = directory_.write("sparse", "begin");
  constexpr std::uint64_t size = std::uint64_t{1} << 40;
  ASSERT_EQ(::truncate(source.c_str(), size), 0);
  const std::vector<Extent> extents{{0, size}};
  const auto reader = open_source_reader(source, "x", extents);
  auto writer = PackedWriter::create(directory_.path("packed"), {extents, size, {}});
  ASSERT_TRUE(reader && writer);
  ASSERT_TRUE(pack_source(**reader, size, **writer, {}));
  ASSERT_TRUE((*writer)->finish());
  const auto image = PackedImage::open(directory_.path("packed"));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ((*image)->plain_bytes(), size);
  EXPECT_LT((*image)->file_bytes(), 64 * MiB);
  EXPECT_EQ(read(**image, 0, 5), "begin");
  EXPECT_TRUE((*image)->is_hole(MiB, size - MiB));
  EXPECT_EQ(read(**image, size - 3, 3), std::string(3, '\0'));
}

TEST_F(PackedImageTest, AFrameCanBeTakenAsItIsStored) {
  std::string data = test::mixed(4 * MiB);
  std::fill_n(data.begin(), MiB, 'a');
  data.resize(4 * MiB + 5000, 'b');
  const auto image = PackedImage::open(pack(data));
  ASSERT_TRUE(image);
  for (const auto& [offset, length] : {std::pair{0U, MiB}, std::pair{4 * MiB, 5000U}}) {
    const auto part = (*image)->stored_frame(offset, length);
    ASSERT_TRUE(part);
    std::vector<std::byte> frame(part->length), plain(length);
    ASSERT_EQ(::pread(part->fd, frame.data(), frame.size(), static_cast<off_t>(part->offset)),
              ssize_t(frame.size()));
    const auto unpacked = FrameUnpacker().unpack(frame, plain);
    ASSERT_TRUE(unpacked) << unpacked.error().message;
    EXPECT_EQ(as_text(plain), std::string_view(data).substr(offset, length));
    EXPECT_FALSE((*image)->stored_frame(offset, length - 1));
    EXPECT_FALSE((*image)->stored_frame(offset + 1, length - 1));
  }
}

TEST_F(PackedImageTest, ManyThreadsReadAtOnce) {
  const std::string data = test::mixed(6 * MiB);
  const auto image = PackedImage::open(pack(data));
  ASSERT_TRUE(image);
  std::vector<std::jthread> threads;
  std::atomic<int> wrong{0};
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 60; ++i) {
        const std::uint64_t begin = random() % (data.size() - 300000);
        const std::size_t length = random() % 300000 + 1;
        wrong += read(**image, begin, length) != data.substr(begin, length);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST_F(PackedImageTest, CutOffAnywhereIsRefusedWithThePlace) {
  const std::string path = pack(test::mixed(3 * MiB));
  const std::string whole = directory_.read("packed");
  std::vector<std::size_t> lengths{0, 1, 15, 16, 30, 60, whole.size() / 2};
  for (std::size_t cut = 1; cut < 80; ++cut) lengths.push_back(whole.size() - cut);
  for (const std::size_t length : lengths) {
    ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(length)), 0);
    const std::string error = error_of(path);
    EXPECT_THAT(error, StartsWith(path + ": ")) << length;
    EXPECT_THAT(error, HasSubstr(fmt::format("offset {:#x}", length))) << length;
    directory_.write("packed", whole);
  }
}

// Header and table to the last bit; the frames here and there.
TEST_F(PackedImageTest, AnyBitThatIsAlteredIsTold) {
  const std::string path = pack(test::mixed(2 * MiB + 99));
  const std::string whole = directory_.read("packed");
  const auto good = PackedImage::open(path);
  ASSERT_TRUE(good);
  const std::uint64_t first = (*good)->frame(0).stored_offset;
  const std::uint32_t frames = (*good)->frames();
  const std::uint64_t table =
      (*good)->frame(frames - 1).stored_offset + (*good)->frame(frames - 1).stored_bytes;
  std::mt19937 random(11);
  std::vector<std::uint64_t> bits;
  for (std::uint64_t bit = 0; bit < first * 8; ++bit) bits.push_back(bit);
  for (std::uint64_t bit = table * 8; bit < whole.size() * 8; ++bit) bits.push_back(bit);
  for (std::uint32_t i = 0; i < frames; ++i) {
    const auto frame = (*good)->frame(i);
    for (int k = 0; k < 30; ++k)
      bits.push_back(frame.stored_offset * 8 + random() % (frame.stored_bytes * 8));
  }
  const std::uint64_t unused = (whole.size() - 5) * 8;  // two bits of the descriptor mean nothing
  for (const std::uint64_t bit : bits) {
    if (bit == unused || bit == unused + 1) continue;
    flip(path, bit);
    const auto image = PackedImage::open(path);
    std::string told = image ? "" : image.error().message;
    if (image) {
      for (std::uint32_t i = 0; i < (*image)->frames(); ++i) {
        if (const auto done = (*image)->verify((*image)->frame(i)); !done) told = done.error().message;
      }
    }
    EXPECT_THAT(told, AnyOf(HasSubstr("offset 0x"), HasSubstr("no packed image"))) << "bit " << bit;
    flip(path, bit);
  }
  EXPECT_EQ(directory_.read("packed"), whole);
}

TEST_F(PackedImageTest, WhatIsAlteredIsNeverRead) {
  const std::string data(3 * MiB, 'x');
  const std::string path = pack(data);
  const auto image = PackedImage::open(path);
  ASSERT_TRUE(image);
  const auto frame = (*image)->frame(1);
  flip(path, frame.stored_offset * 8 + frame.stored_bytes * 4);
  const std::string error = read(**image, MiB + 5, 10);
  EXPECT_THAT(error, StartsWith(fmt::format("{}: offset {:#x}: ", path, frame.stored_offset)));
  EXPECT_THAT(error, HasSubstr(fmt::format("{} bytes of data from {:#x} on are altered", MiB, MiB)));
  EXPECT_EQ(read(**image, 0, 5), "xxxxx");
}

TEST_F(PackedImageTest, ATableThatLiesIsRefusedWhateverItSays) {
  const std::string path = pack(test::mixed(3 * MiB));
  const std::string whole = directory_.read("packed");
  const auto image = PackedImage::open(path);
  ASSERT_TRUE(image);
  const std::uint32_t frames = (*image)->frames() + 1;
  std::mt19937 random(13);
  for (int i = 0; i < 800; ++i) {
    std::string lying = whole;
    const std::size_t entry = whole.size() - seek_table_bytes(frames) + 8 + 12 * (random() % frames);
    const std::uint32_t values[] = {0, 1, MiB, 0xFFFFFFFF, 0x40000000, std::uint32_t(random())};
    for (std::size_t field = 0; field < 2; ++field) {
      if (field == std::size_t(i % 3)) continue;
      const std::uint32_t value = values[random() % 6];
      for (int b = 0; b < 4; ++b) lying[entry + 4 * field + b] = static_cast<char>(value >> (8 * b));
    }
    if (lying == whole) continue;
    directory_.write("packed", lying);
    EXPECT_THAT(error_of(path), HasSubstr("offset 0x")) << i;
  }
}

// Through the engine, as a seeder reads it.
TEST_F(PackedImageTest, IsASourceForAllBackends) {
  const std::string data = test::mixed(9 * MiB + 77);
  const std::vector<Extent> extents{{4 * MiB, 5 * MiB + 77}, {0, 3 * MiB}};
  const std::string path = pack(data, extents);
  const std::string torrent = data.substr(4 * MiB, 5 * MiB + 77) + data.substr(0, 3 * MiB);
  for (const auto backend : {DiskOptions::Backend::automatic, DiskOptions::Backend::threads}) {
    DiskOptions options;
    options.backend = backend;
    auto engine = make_disk_engine(options);
    ASSERT_TRUE(engine);
    auto storage = open_source_storage(**engine, 7, path, test::torrent_of(extents));
    ASSERT_TRUE(storage) << storage.error().message;
    std::string found(torrent.size(), '?');
    std::size_t requests = 0;
    for (std::size_t begin = 0; begin < torrent.size(); begin += 700000, ++requests) {
      const std::size_t length = std::min<std::size_t>(700000, torrent.size() - begin);
      (*storage)->read(begin, begin, {reinterpret_cast<std::byte*>(found.data()) + begin, length});
    }
    for (const IoCompletion& completion : test::wait_for(**engine, requests))
      EXPECT_TRUE(completion.status.ok());
    EXPECT_TRUE(found == torrent);
    EXPECT_TRUE((*storage)->file_parts(0, MiB, 8).empty()) << "nothing lies in a file as it is";
    const auto image = PackedImage::open(path);
    for (std::uint64_t offset = 0; offset + MiB <= torrent.size(); offset += MiB) {
      EXPECT_EQ((*storage)->stored_frame(offset, MiB).has_value(),
                (*image)->stored_frame(offset, MiB).has_value());
      EXPECT_EQ((*storage)->is_hole(offset, MiB), (*image)->is_hole(offset, MiB));
    }
    EXPECT_THAT((*storage)->description(), HasSubstr("a packed image"));

    const auto damaged = (*image)->frame((*image)->frames() - 1);
    flip(path, damaged.stored_offset * 8 + 100);
    std::byte byte{};
    (*storage)->read(1, damaged.plain_offset, {&byte, 1});
    EXPECT_EQ(test::wait_for(**engine, 1)[0].status.error, EIO);
    flip(path, damaged.stored_offset * 8 + 100);
  }
}

}  // namespace
}  // namespace ezio
