#include "bt/metainfo/zero_pieces.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "bt/sha1/sha1.hpp"

namespace ezio {
namespace {

TEST(ZeroPieces, TheKnownDigestsAreThoseOfZeros) {
  for (std::uint64_t length = min_piece_length; length <= max_piece_length; length *= 2) {
    EXPECT_EQ(zero_digest(length), sha1(std::vector<std::byte>(length))) << length;
  }
  for (std::uint64_t length : {1u, 1000u, 3 * MiB + 7}) {
    EXPECT_EQ(zero_digest(length), sha1(std::vector<std::byte>(length))) << length;
  }
}

TEST(ZeroPieces, AreFoundByTheirHashTheShortLastOneIncluded) {
  Metainfo metainfo;
  metainfo.piece_length = 32 * KiB;
  metainfo.total_length = 3 * 32 * KiB + 5000;
  metainfo.piece_hashes = {zero_digest(32 * KiB), {}, zero_digest(16 * KiB), zero_digest(5000)};
  const Bitfield zeros = zero_pieces(metainfo);
  EXPECT_TRUE(zeros.test(PieceIndex{0}));
  EXPECT_FALSE(zeros.test(PieceIndex{1}));
  EXPECT_FALSE(zeros.test(PieceIndex{2})) << "zeros of another length";
  EXPECT_TRUE(zeros.test(PieceIndex{3}));
}

}  // namespace
}  // namespace ezio
