#include <cstdlib>

#include "bt/sha1/lanes.hpp"
#include "bt/sha1/sha1.hpp"

namespace ezio {
namespace {

constexpr Sha1Kind all_kinds[] = {Sha1Kind::openssl, Sha1Kind::avx2, Sha1Kind::avx512};

}  // namespace

std::string_view to_string(Sha1Kind kind) {
  switch (kind) {
    case Sha1Kind::openssl:
      return "openssl";
    case Sha1Kind::avx2:
      return "avx2";
    case Sha1Kind::avx512:
      return "avx512";
  }
  return "unknown";
}

std::optional<Sha1Kind> sha1_kind_from_string(std::string_view name) {
  for (const auto kind : all_kinds) {
    if (to_string(kind) == name) {
      return kind;
    }
  }
  return std::nullopt;
}

bool sha1_supported(Sha1Kind kind) {
  switch (kind) {
    case Sha1Kind::openssl:
      return true;
#if EZIO_SHA1_LANES
    // These also ask whether the operating system saves the wide registers (XGETBV).
    case Sha1Kind::avx2:
      return __builtin_cpu_supports("avx2") != 0;
    case Sha1Kind::avx512:
      return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
             __builtin_cpu_supports("avx512vl") != 0;
#else
    case Sha1Kind::avx2:
    case Sha1Kind::avx512:
      return false;
#endif
  }
  return false;
}

std::vector<Sha1Kind> sha1_supported_kinds() {
  std::vector<Sha1Kind> kinds;
  for (const auto kind : all_kinds) {
    if (sha1_supported(kind)) {
      kinds.push_back(kind);
    }
  }
  return kinds;
}

std::size_t sha1_lanes(Sha1Kind kind) {
  switch (kind) {
    case Sha1Kind::openssl:
      return 1;
    case Sha1Kind::avx2:
      return 8;
    case Sha1Kind::avx512:
      return 16;
  }
  return 1;
}

// A kernel takes the same time however few of its lanes are in use. Relative to one OpenSSL stream, with and
// without SHA extensions, the 8 lanes of AVX2 measured 1.7 and 3.2 times as fast and those of AVX-512 2.6 and
// 5: level at 4.6, 2.5, 3.1 and 1.6 streams.
std::size_t sha1_min_batch(Sha1Kind kind) {
  switch (kind) {
    case Sha1Kind::openssl:
      return 1;
    case Sha1Kind::avx2:
      return sha1_openssl_uses_extensions() ? 5 : 3;
    case Sha1Kind::avx512:
      return sha1_openssl_uses_extensions() ? 4 : 2;
  }
  return 1;
}

bool sha1_openssl_uses_extensions() {
  static const bool in_use = sha1_detail::openssl_uses_sha_extensions();
  return in_use;
}

Sha1Kind sha1_default_kind() {
  if (const char* name = std::getenv("EZIO_SHA1")) {
    const auto kind = sha1_kind_from_string(name);
    if (kind && sha1_supported(*kind)) {
      return *kind;
    }
  }
  // With full lanes the widest kernel wins, also against SHA extensions (one core of a 2023 Xeon, GB/s:
  // OpenSSL 0.97 without and 1.85 with them, AVX2 3.1, AVX-512 6.4).
  return sha1_supported_kinds().back();
}

}  // namespace ezio
