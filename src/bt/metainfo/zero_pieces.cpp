#include "bt/metainfo/zero_pieces.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>
#include <vector>

#include "bt/base/hex.hpp"
#include "bt/sha1/sha1.hpp"

namespace ezio {
namespace {

// Of min_piece_length zeros, of twice as many, and so on to max_piece_length. (Hashing 16 MiB at each start
// would take longer than a small clone.)
constexpr std::array<std::string_view, 13> known{
    "897256b6709e1a4da9daba92b6bde39ccfccd8c1", "5188431849b4613152fd7bdba6a3ff0a4fd6424b",
    "1adc95bebe9eea8c112d40cd04ab7a8d75c4f961", "67dfd19f3eb3649d6f3f6631e44d0bd36b8d8d19",
    "2e000fa7e85759c7f4c254d4d9c33ef481e459a7", "6a521e1d2a632c26e53b83d2cc4b0edecfc1e68c",
    "3b71f43ff30f4b15b5cd85dd9e95ebc7e84eb5a3", "7d76d48d64d7ac5411d714a4bb83f37e3e5b8df6",
    "2bccbd2f38f15c13eb7d5a89fd9d85f595e23bc3", "5fde1cce603e6566d20da811c9c8bcccb044d4ae",
    "3b4417fc421cee30a9ad0fd9319220a8dae32da2", "57b587e1bf2d09335bdac6db18902d43dfe76449",
    "44fac4bedde4df04b9572ac665d3ac2c5cd00c7d",
};
static_assert(std::uint64_t{min_piece_length} << (known.size() - 1) == max_piece_length);

}  // namespace

Sha1Digest zero_digest(std::uint64_t length_bytes) {
  if (std::has_single_bit(length_bytes) && length_bytes >= min_piece_length &&
      length_bytes <= max_piece_length) {
    const auto index = std::countr_zero(length_bytes) - std::countr_zero(min_piece_length);
    return *parse_digest(known[static_cast<std::size_t>(index)]);
  }
  const std::vector<std::byte> zeros(std::min<std::uint64_t>(length_bytes, MiB));
  Sha1State state;
  while (state.length < length_bytes) {
    const std::uint64_t size = std::min<std::uint64_t>(zeros.size(), length_bytes - state.length);
    Sha1Input input{&state, Bytes(zeros).first(size)};
    sha1_update(Sha1Kind::openssl, {&input, 1});
  }
  return sha1_final(state);
}

Bitfield zero_pieces(const Metainfo& metainfo) {
  const Geometry geometry = metainfo.geometry();
  Bitfield zeros(geometry.piece_count());
  const PieceIndex last{geometry.piece_count() - 1};
  const Sha1Digest full = zero_digest(metainfo.piece_length);
  for (PieceIndex piece; piece.value() < last.value(); ++piece) {
    if (metainfo.piece_hashes[piece.value()] == full) zeros.set(piece);
  }
  if (metainfo.piece_hashes[last.value()] == zero_digest(geometry.piece_size(last))) zeros.set(last);
  return zeros;
}

}  // namespace ezio
