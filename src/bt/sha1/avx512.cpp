#include "bt/sha1/lanes.hpp"

#if EZIO_SHA1_LANES
#include <immintrin.h>

#include "bt/sha1/rounds.hpp"

namespace ezio::sha1_detail {
namespace {

constexpr int lane_count = 16;
constexpr size_t block_length = 64;
constexpr uintptr_t prefetch_distance_bytes = 256;

struct Avx512 {
  using Vec = __m512i;
  static Vec add(Vec a, Vec b) { return _mm512_add_epi32(a, b); }
  template <int n>
  static Vec rotl(Vec a) {
    return _mm512_rol_epi32(a, n);
  }
  // The immediates are truth tables over (b, c, d).
  static Vec choose(Vec b, Vec c, Vec d) { return _mm512_ternarylogic_epi32(b, c, d, 0xCA); }
  static Vec majority(Vec b, Vec c, Vec d) { return _mm512_ternarylogic_epi32(b, c, d, 0xE8); }
  static Vec parity(Vec b, Vec c, Vec d) { return _mm512_ternarylogic_epi32(b, c, d, 0x96); }
  static Vec xor4(Vec a, Vec b, Vec c, Vec d) { return _mm512_xor_si512(parity(a, b, c), d); }
  static Vec broadcast(uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }
};

// In: row i holds the 16 words of lane i. Out: row i holds word i of every lane.
[[gnu::always_inline]] inline void transpose(__m512i (&r)[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  // Now four lanes' words come together: q[4g + j] has words j, j+4, j+8, j+12 of lanes 4g..4g+3.
  for (int g = 0; g < 16; g += 4) {
    r[g] = _mm512_unpacklo_epi64(t[g], t[g + 2]);
    r[g + 1] = _mm512_unpackhi_epi64(t[g], t[g + 2]);
    r[g + 2] = _mm512_unpacklo_epi64(t[g + 1], t[g + 3]);
    r[g + 3] = _mm512_unpackhi_epi64(t[g + 1], t[g + 3]);
  }
  for (int j = 0; j < 4; ++j) {
    const __m512i low01 = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x44);
    const __m512i high01 = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xEE);
    const __m512i low23 = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x44);
    const __m512i high23 = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xEE);
    t[j] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    t[4 + j] = _mm512_shuffle_i32x4(low01, low23, 0xDD);
    t[8 + j] = _mm512_shuffle_i32x4(high01, high23, 0x88);
    t[12 + j] = _mm512_shuffle_i32x4(high01, high23, 0xDD);
  }
  for (int i = 0; i < 16; ++i) {
    r[i] = t[i];
  }
}

[[gnu::always_inline]] inline __m512i byte_swap_words(__m512i v) {
  const __m512i order = _mm512_broadcast_i32x4(_mm_set_epi64x(0x0C0D0E0F08090A0B, 0x0405060700010203));
  return _mm512_shuffle_epi8(v, order);
}

[[gnu::always_inline]] inline void load_block(const unsigned char* const (&data)[lane_count], size_t offset,
                                              __m512i (&w)[16]) {
  for (int lane = 0; lane < lane_count; ++lane) {
    const unsigned char* block = data[lane] + offset;
    w[lane] = byte_swap_words(_mm512_loadu_si512(block));
    _mm_prefetch(reinterpret_cast<const char*>(reinterpret_cast<uintptr_t>(block) + prefetch_distance_bytes),
                 _MM_HINT_T0);
  }
  transpose(w);
}

}  // namespace

void avx512_blocks(const Lane* lanes, size_t blocks) {
  alignas(64) uint32_t words[5][lane_count];
  const unsigned char* data[lane_count];
  for (int lane = 0; lane < lane_count; ++lane) {
    data[lane] = lanes[lane].data;
    for (int i = 0; i < 5; ++i) {
      words[i][lane] = lanes[lane].h[i];
    }
  }
  __m512i h[5];
  for (int i = 0; i < 5; ++i) {
    h[i] = _mm512_load_si512(words[i]);
  }
  for (size_t offset = 0; offset < blocks * block_length; offset += block_length) {
    __m512i w[16];
    load_block(data, offset, w);
    sha1_compress<Avx512>(h, w);
  }
  for (int i = 0; i < 5; ++i) {
    _mm512_store_si512(words[i], h[i]);
  }
  for (int lane = 0; lane < lane_count; ++lane) {
    for (int i = 0; i < 5; ++i) {
      lanes[lane].h[i] = words[i][lane];
    }
  }
}

}  // namespace ezio::sha1_detail
#endif
