// What the SHA-1 translation units share: the block functions behind Sha1Kind. Private to sha1*.cpp.
//
// The kernels are compiled with instruction sets that the CPU may lack. Their translation units therefore
// include nothing but this header and intrinsics: an inline function of a library header compiled there could
// be the copy that the linker keeps for everybody.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#define EZIO_SHA1_LANES 1
#else
#define EZIO_SHA1_LANES 0
#endif

namespace ezio::sha1_detail {

// Appends `length` bytes to one stream with OpenSSL; like Sha1State in plain types.
void openssl_update(uint32_t* h, uint64_t stream_length, unsigned char* tail, const unsigned char* data,
                    size_t length);
// Pads and finishes; `h` and `tail` stay as they are.
void openssl_final(const uint32_t* h, uint64_t stream_length, const unsigned char* tail,
                   unsigned char* digest);
// Whether OpenSSL hashes with the SHA extensions on this CPU (cpuid and the OPENSSL_ia32cap mask).
bool openssl_uses_sha_extensions();

// One lane of a kernel's call: its five words of state and where its next whole block starts.
struct Lane {
  uint32_t* h;
  const unsigned char* data;
};

// Advances all lanes (distinct states) by `blocks` blocks of 64 bytes each.
void avx2_blocks(const Lane* lanes, size_t blocks);      // 8 lanes
void avx512vl_blocks(const Lane* lanes, size_t blocks);  // 8 lanes
void avx512_blocks(const Lane* lanes, size_t blocks);    // 16 lanes

}  // namespace ezio::sha1_detail
