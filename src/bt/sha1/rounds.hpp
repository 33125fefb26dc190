// The 80 rounds of SHA-1 (FIPS 180-4, 6.1.2) over vectors that hold the same word of several streams.
//
// V names the instruction set: a type Vec and the static operations add, rotl<n>, choose, parity, majority,
// xor4 and broadcast on it. V must have internal linkage, so that each kernel has its own copy of everything
// here (see lanes.hpp). Private to avx*.cpp.
#pragma once

#include <stdint.h>

namespace ezio::sha1_detail {

// One round: e becomes the new `a`, b is rotated in place; the caller rotates the names. w is the message
// schedule's last 16 words.
template <class V, int round>
[[gnu::always_inline]] inline void sha1_round(typename V::Vec a, typename V::Vec& b, typename V::Vec c,
                                              typename V::Vec d, typename V::Vec& e,
                                              typename V::Vec (&w)[16]) {
  constexpr uint32_t constants[4] = {0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6};
  typename V::Vec& word = w[round % 16];
  if constexpr (round >= 16) {
    word = V::template rotl<1>(V::xor4(w[(round + 13) % 16], w[(round + 8) % 16], w[(round + 2) % 16], word));
  }
  typename V::Vec mixed;
  if constexpr (round < 20) {
    mixed = V::choose(b, c, d);
  } else if constexpr (round >= 40 && round < 60) {
    mixed = V::majority(b, c, d);
  } else {
    mixed = V::parity(b, c, d);
  }
  e = V::add(V::add(e, V::broadcast(constants[round / 20])), word);
  e = V::add(V::add(e, mixed), V::template rotl<5>(a));
  b = V::template rotl<30>(b);
}

template <class V, int first>
[[gnu::always_inline]] inline void sha1_five_rounds(typename V::Vec (&s)[5], typename V::Vec (&w)[16]) {
  sha1_round<V, first>(s[0], s[1], s[2], s[3], s[4], w);
  sha1_round<V, first + 1>(s[4], s[0], s[1], s[2], s[3], w);
  sha1_round<V, first + 2>(s[3], s[4], s[0], s[1], s[2], w);
  sha1_round<V, first + 3>(s[2], s[3], s[4], s[0], s[1], w);
  sha1_round<V, first + 4>(s[1], s[2], s[3], s[4], s[0], w);
}

template <class V, int first>
[[gnu::always_inline]] inline void sha1_twenty_rounds(typename V::Vec (&s)[5], typename V::Vec (&w)[16]) {
  sha1_five_rounds<V, first>(s, w);
  sha1_five_rounds<V, first + 5>(s, w);
  sha1_five_rounds<V, first + 10>(s, w);
  sha1_five_rounds<V, first + 15>(s, w);
}

// Adds one block's compression to h; w is its 16 message words, used up.
template <class V>
[[gnu::always_inline]] inline void sha1_compress(typename V::Vec (&h)[5], typename V::Vec (&w)[16]) {
  typename V::Vec s[5] = {h[0], h[1], h[2], h[3], h[4]};
  sha1_twenty_rounds<V, 0>(s, w);
  sha1_twenty_rounds<V, 20>(s, w);
  sha1_twenty_rounds<V, 40>(s, w);
  sha1_twenty_rounds<V, 60>(s, w);
  for (int i = 0; i < 5; ++i) {
    h[i] = V::add(h[i], s[i]);
  }
}

}  // namespace ezio::sha1_detail
