// Packed images to be tried on: made of a source of any bytes, in a directory of the test's own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bt/sha1/sha1.hpp"
#include "disk/bulk_pack.hpp"
#include "disk/packed_image.hpp"
#include "temp_directory.hpp"

namespace ezio::test {

// Runs of text, random bytes and zeros, none of whole MiBs.
inline std::string mixed(std::size_t length) {
  std::mt19937 random(7);
  std::string data;
  for (int kind = 0; data.size() < length; kind = (kind + 1) % 3) {
    const std::size_t run = MiB / 2 + random() % (3 * MiB);
    if (kind == 0)
      for (std::size_t i = 0; i < run; ++i) data += static_cast<char>('a' + random() % 3);
    if (kind == 1) data.append(run, '\0');
    if (kind == 2)
      for (std::size_t i = 0; i < run; ++i) data += static_cast<char>(random());
  }
  data.resize(length);
  return data;
}

class PackedFixture : public testing::Test {
 protected:
  // As an image of which these extents are packed.
  std::string pack(const std::string& data, const std::vector<Extent>& extents, unsigned threads = 3,
                   std::optional<std::uint32_t> piece_length = std::nullopt) {
    const std::string source = directory_.write("source", data);
    const std::string path = directory_.path("packed");
    const auto reader = open_source_reader(source, "x", extents);
    auto writer = PackedWriter::create(path, {extents, data.size(), {}});
    EXPECT_TRUE(reader && writer);
    std::uint64_t length = 0;
    for (const Extent& extent : extents) length += extent.length;
    BulkPackOptions options;
    options.threads = threads;
    options.piece_length = piece_length;
    const auto packed = pack_source(**reader, length, **writer, options);
    EXPECT_TRUE(packed) << packed.error().message;
    hashes_ = *packed;
    const auto finished = (*writer)->finish();
    EXPECT_TRUE(finished) << finished.error().message;
    EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
    return path;
  }
  std::string pack(const std::string& data) { return pack(data, {{0, data.size()}}); }

  static std::string read(const PackedImage& image, std::uint64_t offset, std::size_t length) {
    std::string text(length, '?');
    const auto done = image.read(offset, {reinterpret_cast<std::byte*>(text.data()), length});
    return done ? text : done.error().message;
  }
  static std::string error_of(const std::string& path) {
    const auto image = PackedImage::open(path);
    return image ? "opened" : image.error().message;
  }
  void flip(const std::string& path, std::uint64_t bit) const {
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    char byte = 0;
    ASSERT_EQ(::pread(fd.get(), &byte, 1, static_cast<off_t>(bit / 8)), 1);
    byte = static_cast<char>(byte ^ (1 << (bit % 8)));
    ASSERT_EQ(::pwrite(fd.get(), &byte, 1, static_cast<off_t>(bit / 8)), 1);
  }

  TempDirectory directory_;
  std::vector<Sha1Digest> hashes_;
};

}  // namespace ezio::test
