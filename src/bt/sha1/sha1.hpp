// SHA-1 of one stream (OpenSSL) and of many streams at once (one stream per SIMD lane). FIPS 180-4.
//
// Every implementation advances the same state, so a stream may change between them at any block boundary.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bt/base/types.hpp"

namespace ezio {

// The incremental state of one stream: five words, the bytes so far, and the tail of an unfinished block.
struct Sha1State {
  std::array<std::uint32_t, 5> h{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  std::uint64_t length = 0;          // bytes hashed so far, including the tail
  std::array<std::byte, 64> tail{};  // length % 64 bytes of it are in use
};

enum class Sha1Kind {
  openssl,  // one stream at a time; SHA-NI where the CPU has it
  avx2,     // 8 lanes
  avx512,   // 16 lanes, 8 for fewer streams (AVX-512F, BW and VL)
};
std::string_view to_string(Sha1Kind kind);
std::optional<Sha1Kind> sha1_kind_from_string(std::string_view name);
bool sha1_supported(Sha1Kind kind);            // compiled in and this CPU can run it
std::vector<Sha1Kind> sha1_supported_kinds();  // openssl is always first
std::size_t sha1_lanes(Sha1Kind kind);         // 1, 8, 16
// The fewest streams for which lanes pay: sha1_update hashes fewer one after the other. 1 for openssl.
std::size_t sha1_min_batch(Sha1Kind kind);
// Whether OpenSSL hashes with the CPU's SHA extensions: it has them, and OPENSSL_ia32cap does not mask them.
bool sha1_openssl_uses_extensions();

// One stream's next bytes.
struct Sha1Input {
  Sha1State* state = nullptr;
  Bytes data;
};
// Appends every input's data to its stream (all states distinct). Lengths may differ; lanes that run out are
// refilled from the inputs not yet started, and the remainder that would leave lanes idle is done by
// whichever implementation is fastest for it.
void sha1_update(Sha1Kind kind, std::span<Sha1Input> inputs);
Sha1Digest sha1_final(const Sha1State& state);  // pads and finishes a copy; the state may go on

Sha1Digest sha1(Bytes data);  // one shot, OpenSSL

// The kind to use for batches on this CPU: the EZIO_SHA1 environment variable (openssl, avx2, avx512) where
// set and supported (for tests), else the fastest.
Sha1Kind sha1_default_kind();

}  // namespace ezio
