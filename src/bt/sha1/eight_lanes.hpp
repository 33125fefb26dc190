// A SHA-1 kernel of eight streams, in the eight words of 256-bit registers. V as in rounds.hpp, with
// Vec = __m256i. Private to avx2.cpp and avx512vl.cpp, each of which compiles it for itself.
#pragma once

#include <immintrin.h>

#include "bt/sha1/lanes.hpp"
#include "bt/sha1/rounds.hpp"

namespace ezio::sha1_detail {
namespace {

constexpr int lane_count = 8;
constexpr size_t block_length = 64;
constexpr uintptr_t prefetch_distance_bytes = 256;

// In: row i holds 8 words of lane i. Out: row i holds word i of every lane.
[[gnu::always_inline]] inline void transpose(__m256i* r) {
  __m256i t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int g = 0; g < 8; g += 4) {
    r[g] = _mm256_unpacklo_epi64(t[g], t[g + 2]);
    r[g + 1] = _mm256_unpackhi_epi64(t[g], t[g + 2]);
    r[g + 2] = _mm256_unpacklo_epi64(t[g + 1], t[g + 3]);
    r[g + 3] = _mm256_unpackhi_epi64(t[g + 1], t[g + 3]);
  }
  for (int j = 0; j < 4; ++j) {
    const __m256i low = _mm256_permute2x128_si256(r[j], r[4 + j], 0x20);
    r[4 + j] = _mm256_permute2x128_si256(r[j], r[4 + j], 0x31);
    r[j] = low;
  }
}

[[gnu::always_inline]] inline __m256i load_words(const unsigned char* from) {
  const __m256i order = _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0C0D0E0F08090A0B, 0x0405060700010203));
  return _mm256_shuffle_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(from)), order);
}

[[gnu::always_inline]] inline void load_block(const unsigned char* const (&data)[lane_count], size_t offset,
                                              __m256i (&w)[16]) {
  for (int lane = 0; lane < lane_count; ++lane) {
    const unsigned char* block = data[lane] + offset;
    w[lane] = load_words(block);
    w[8 + lane] = load_words(block + 32);
    _mm_prefetch(reinterpret_cast<const char*>(reinterpret_cast<uintptr_t>(block) + prefetch_distance_bytes),
                 _MM_HINT_T0);
  }
  transpose(w);
  transpose(w + 8);
}

template <class V>
void eight_lane_blocks(const Lane* lanes, size_t blocks) {
  alignas(32) uint32_t words[5][lane_count];
  const unsigned char* data[lane_count];
  for (int lane = 0; lane < lane_count; ++lane) {
    data[lane] = lanes[lane].data;
    for (int i = 0; i < 5; ++i) {
      words[i][lane] = lanes[lane].h[i];
    }
  }
  __m256i h[5];
  for (int i = 0; i < 5; ++i) {
    h[i] = _mm256_load_si256(reinterpret_cast<const __m256i*>(words[i]));
  }
  for (size_t offset = 0; offset < blocks * block_length; offset += block_length) {
    __m256i w[16];
    load_block(data, offset, w);
    sha1_compress<V>(h, w);
  }
  for (int i = 0; i < 5; ++i) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(words[i]), h[i]);
  }
  for (int lane = 0; lane < lane_count; ++lane) {
    for (int i = 0; i < 5; ++i) {
      lanes[lane].h[i] = words[i][lane];
    }
  }
}

}  // namespace
}  // namespace ezio::sha1_detail
