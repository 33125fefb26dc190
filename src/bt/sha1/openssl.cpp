// SHA_CTX is deprecated since OpenSSL 3.0, but EVP hides the chaining words, and those must be exchanged with
// the multi-lane kernels in the middle of a stream.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "bt/sha1/lanes.hpp"

#if EZIO_SHA1_LANES
#include <cpuid.h>
#endif

namespace ezio::sha1_detail {
namespace {

SHA_CTX make_context(const uint32_t* h, uint64_t stream_length, const unsigned char* tail) {
  SHA_CTX context{};
  context.h0 = h[0];
  context.h1 = h[1];
  context.h2 = h[2];
  context.h3 = h[3];
  context.h4 = h[4];
  const uint64_t bits = stream_length * 8;
  context.Nl = static_cast<SHA_LONG>(bits);
  context.Nh = static_cast<SHA_LONG>(bits >> 32);
  context.num = static_cast<unsigned>(stream_length % SHA_CBLOCK);
  std::memcpy(context.data, tail, context.num);
  return context;
}

// One sequential stream that is not in the cache leaves OpenSSL waiting for memory where the hardware does
// not run ahead far enough (measured in a virtual machine: 1.0 GB/s, with this 1.85).
constexpr size_t prefetch_ahead_bytes = 1024;
constexpr size_t update_chunk_bytes = 2048;

void prefetch(const unsigned char* data, size_t from, size_t to) {
  constexpr size_t cache_line_bytes = 64;
  for (size_t at = from; at < to; at += cache_line_bytes) {
    __builtin_prefetch(data + at);
  }
}

#if EZIO_SHA1_LANES
constexpr uint64_t sha_extensions = 1u << 29;  // CPUID leaf 7, EBX

// Whether OPENSSL_ia32cap(3) leaves the bit on. Its second word, after the colon, is EBX and ECX of leaf 7: a
// replacement, or with ~ the bits to clear. Without that word all of them are cleared.
bool mask_allows(const char* mask) {
  const char* colon = std::strchr(mask, ':');
  if (colon == nullptr) {
    return false;
  }
  const bool clears = colon[1] == '~';
  const uint64_t word = std::strtoull(colon + (clears ? 2 : 1), nullptr, 0);
  return ((word & sha_extensions) != 0) != clears;
}
#endif

}  // namespace

void openssl_update(uint32_t* h, uint64_t stream_length, unsigned char* tail, const unsigned char* data,
                    size_t length) {
  SHA_CTX context = make_context(h, stream_length, tail);
  for (size_t at = 0; at < length; at += update_chunk_bytes) {
    const size_t end = std::min(length, at + update_chunk_bytes);
    prefetch(data, at + prefetch_ahead_bytes, std::min(length, end + prefetch_ahead_bytes));
    SHA1_Update(&context, data + at, end - at);
  }
  h[0] = context.h0;
  h[1] = context.h1;
  h[2] = context.h2;
  h[3] = context.h3;
  h[4] = context.h4;
  std::memcpy(tail, context.data, context.num);
}

void openssl_final(const uint32_t* h, uint64_t stream_length, const unsigned char* tail,
                   unsigned char* digest) {
  SHA_CTX context = make_context(h, stream_length, tail);
  SHA1_Final(digest, &context);
}

bool openssl_uses_sha_extensions() {
#if EZIO_SHA1_LANES
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || (ebx & sha_extensions) == 0) {
    return false;
  }
  const char* mask = std::getenv("OPENSSL_ia32cap");
  return mask == nullptr || mask_allows(mask);
#else
  return false;
#endif
}

}  // namespace ezio::sha1_detail
