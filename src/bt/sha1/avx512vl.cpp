#include "bt/sha1/lanes.hpp"

#if EZIO_SHA1_LANES
#include "bt/sha1/eight_lanes.hpp"

namespace ezio::sha1_detail {
namespace {

// Half as wide as it could be, for half as many streams: more than half as fast, as three units of a core
// take 256-bit operations and two 512-bit ones.
struct Avx512Vl {
  using Vec = __m256i;
  static Vec add(Vec a, Vec b) { return _mm256_add_epi32(a, b); }
  template <int n>
  static Vec rotl(Vec a) {
    return _mm256_rol_epi32(a, n);
  }
  // The immediates are truth tables over (b, c, d).
  static Vec choose(Vec b, Vec c, Vec d) { return _mm256_ternarylogic_epi32(b, c, d, 0xCA); }
  static Vec majority(Vec b, Vec c, Vec d) { return _mm256_ternarylogic_epi32(b, c, d, 0xE8); }
  static Vec parity(Vec b, Vec c, Vec d) { return _mm256_ternarylogic_epi32(b, c, d, 0x96); }
  static Vec xor4(Vec a, Vec b, Vec c, Vec d) { return _mm256_xor_si256(parity(a, b, c), d); }
  static Vec broadcast(uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); }
};

}  // namespace

void avx512vl_blocks(const Lane* lanes, size_t blocks) {
  eight_lane_blocks<Avx512Vl>(lanes, blocks);
}

}  // namespace ezio::sha1_detail
#endif
