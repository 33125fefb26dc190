#include "bt/sha1/lanes.hpp"

#if EZIO_SHA1_LANES
#include "bt/sha1/eight_lanes.hpp"

namespace ezio::sha1_detail {
namespace {

struct Avx2 {
  using Vec = __m256i;
  static Vec add(Vec a, Vec b) { return _mm256_add_epi32(a, b); }
  template <int n>
  static Vec rotl(Vec a) {
    const Vec left = n == 1 ? add(a, a) : _mm256_slli_epi32(a, n);
    return _mm256_or_si256(left, _mm256_srli_epi32(a, 32 - n));
  }
  static Vec choose(Vec b, Vec c, Vec d) {
    return _mm256_xor_si256(d, _mm256_and_si256(b, _mm256_xor_si256(c, d)));
  }
  static Vec majority(Vec b, Vec c, Vec d) {
    return _mm256_or_si256(_mm256_and_si256(b, c), _mm256_and_si256(d, _mm256_or_si256(b, c)));
  }
  static Vec parity(Vec b, Vec c, Vec d) { return _mm256_xor_si256(_mm256_xor_si256(b, c), d); }
  static Vec xor4(Vec a, Vec b, Vec c, Vec d) {
    return _mm256_xor_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(c, d));
  }
  static Vec broadcast(uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); }
};

}  // namespace

void avx2_blocks(const Lane* lanes, size_t blocks) {
  eight_lane_blocks<Avx2>(lanes, blocks);
}

}  // namespace ezio::sha1_detail
#endif
