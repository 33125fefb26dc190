// Bulk hashing: every digest right at every shape of torrent, with every SHA-1 implementation of this CPU.
#include "disk/bulk_hash.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <random>
#include <vector>

#include "bt/metainfo/zero_pieces.hpp"

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
    if (spins) offsets.push_back(torrent_offset);
    if (torrent_offset + out.size() > fails_at) return Error{"bad sector", EIO};
    std::copy_n(data_.begin() + static_cast<std::ptrdiff_t>(torrent_offset), out.size(), out.begin());
    return {};
  }

  Sha1Digest digest(const Geometry& geometry, PieceIndex piece) const {
    return sha1(Bytes(data_).subspan(geometry.piece_offset(piece), geometry.piece_size(piece)));
  }

  bool is_hole(std::uint64_t torrent_offset, std::uint64_t length) override {
    return torrent_offset >= hole.offset && torrent_offset + length <= hole.offset + hole.length;
  }
  bool sequential() const override { return spins; }

  bool spins = false;
  std::vector<std::uint64_t> offsets;   // read, when it spins: by one thread then
  Extent hole;                          // not to be read
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

TEST(BulkHash, HolesAreZerosThatAreNotRead) {
  MemoryReader reader(10 * 64 * KiB);
  reader.hole = {128 * KiB, 8 * 64 * KiB};
  reader.fails_at = 128 * KiB;
  const Geometry geometry(10 * 64 * KiB, 64 * KiB);
  const auto digests = hash_pieces(reader, geometry, {});
  ASSERT_TRUE(digests) << digests.error().message;
  EXPECT_EQ((*digests)[1], reader.digest(geometry, PieceIndex{1}));
  for (std::uint32_t i = 2; i < 10; ++i) EXPECT_EQ((*digests)[i], zero_digest(64 * KiB));
}

TEST(BulkHash, ASpinningDiskIsReadInOneAscendingSweep) {
  MemoryReader reader(40 * 64 * KiB + 5);
  reader.spins = true;
  const Geometry geometry(40 * 64 * KiB + 5, 64 * KiB);
  const auto digests = hash_pieces(reader, geometry, {});
  ASSERT_TRUE(digests);
  EXPECT_EQ((*digests)[40], reader.digest(geometry, PieceIndex{40}));
  EXPECT_EQ(reader.offsets.size(), 41u);
  EXPECT_TRUE(std::ranges::is_sorted(reader.offsets));
}

}  // namespace
}  // namespace ezio
