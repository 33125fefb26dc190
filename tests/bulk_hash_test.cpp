// Bulk hashing: every digest right at every shape of torrent, with every SHA-1 implementation of this CPU.
#include "disk/bulk_hash.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <random>
#include <vector>

namespace ezio {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MemoryReader final : public SourceReader {
 public:
  explicit MemoryReader(std::size_t length_bytes) : data_(length_bytes) {
    std::mt19937_64 random(length_bytes);
    std::ranges::generate(data_, [&random] { return static_cast<std::byte>(random()); });
  }

  Result<void> read(std::uint64_t torrent_offset, MutableBytes out) override {
    if (torrent_offset + out.size() > fails_at) return Error{"bad sector", EIO};
    std::copy_n(data_.begin() + static_cast<std::ptrdiff_t>(torrent_offset), out.size(), out.begin());
    return {};
  }

  Sha1Digest digest(const Geometry& geometry, PieceIndex piece) const {
    return sha1(Bytes(data_).subspan(geometry.piece_offset(piece), geometry.piece_size(piece)));
  }

  std::uint64_t fails_at = UINT64_MAX;  // torrent offset from which nothing can be read

 private:
  std::vector<std::byte> data_;
};

struct Shape {
  std::uint64_t total_length;
  std::uint32_t piece_length;
};

const Shape shapes[] = {
    {1, 16 * KiB},
    {16 * KiB, 16 * KiB},
    {16 * KiB + 1, 16 * KiB},
    {40 * 16 * KiB - 3, 16 * KiB},
    {5 * 256 * KiB + 100, 256 * KiB},
    {std::uint64_t{33} * 128 * KiB, 128 * KiB},
    {7 * MiB, 64 * MiB},
};

TEST(BulkHash, HashesEveryPieceOfEveryShapeWithEveryImplementation) {
  for (const Shape& shape : shapes) {
    MemoryReader reader(shape.total_length);
    const Geometry geometry(shape.total_length, shape.piece_length);
    for (const Sha1Kind kind : sha1_supported_kinds()) {
      for (const unsigned threads : {0U, 1U, 3U}) {
        const auto digests = hash_pieces(reader, geometry, {threads, kind, {}});
        ASSERT_TRUE(digests);
        ASSERT_EQ(digests->size(), geometry.piece_count());
        for (std::uint32_t i = 0; i < geometry.piece_count(); ++i)
          EXPECT_EQ((*digests)[i], reader.digest(geometry, PieceIndex(i)))
              << to_string(kind) << " piece " << i;
      }
    }
  }
}

TEST(BulkHash, AReadErrorEndsIt) {
  MemoryReader reader(2 * MiB);
  reader.fails_at = MiB;
  const auto digests = hash_pieces(reader, Geometry(2 * MiB, 16 * KiB), {});
  ASSERT_FALSE(digests);
  EXPECT_EQ(digests.error().message, "bad sector");
  EXPECT_EQ(digests.error().code, EIO);
}

// Blocks its first read until progress was reported.
class StuckReader final : public SourceReader {
 public:
  Result<void> read(std::uint64_t, MutableBytes) override {
    released.wait(false);
    return {};
  }
  std::atomic<bool> released{false};
};

TEST(BulkHash, ProgressMayStopIt) {
  StuckReader reader;
  BulkHashOptions options;
  options.progress = [&reader](std::uint64_t) {
    reader.released = true;
    reader.released.notify_all();
    return false;
  };
  const auto digests = hash_pieces(reader, Geometry(std::uint64_t{4} << 30, 16 * MiB), options);
  ASSERT_FALSE(digests);
  EXPECT_EQ(digests.error().code, ECANCELED);
}

TEST(BulkHash, DifferingPiecesAreListed) {
  std::vector<Sha1Digest> wanted(4);
  std::vector<Sha1Digest> found = wanted;
  EXPECT_THAT(differing_pieces(found, wanted), IsEmpty());
  found[0][19] = std::byte{1};
  found[3][0] = std::byte{1};
  EXPECT_THAT(differing_pieces(found, wanted), ElementsAre(PieceIndex(0), PieceIndex(3)));
}

}  // namespace
}  // namespace ezio
