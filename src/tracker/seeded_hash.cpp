#include "tracker/seeded_hash.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace ezio::tracker {

namespace {

struct State {
  std::uint64_t a, b, c, d;

  void round() {
    a += b;
    c += d;
    b = std::rotl(b, 13) ^ a;
    d = std::rotl(d, 16) ^ c;
    a = std::rotl(a, 32);
    c += b;
    a += d;
    b = std::rotl(b, 17) ^ c;
    d = std::rotl(d, 21) ^ a;
    c = std::rotl(c, 32);
  }
  void take(std::uint64_t word) {
    d ^= word;
    round();
    round();
    a ^= word;
  }
};

std::uint64_t word_at(const std::byte* bytes, std::size_t length) {
  std::uint64_t word = 0;
  if (length > 0) std::memcpy(&word, bytes, length);  // of nothing there may be no address
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

template <std::size_t size>
std::size_t hash_array(HashSeed seed, const std::array<std::uint8_t, size>& bytes) {
  return siphash(seed, std::as_bytes(std::span(bytes)));
}

}  // namespace

std::uint64_t siphash(HashSeed seed, Bytes bytes) {
  State state{seed.first ^ 0x736f6d6570736575, seed.second ^ 0x646f72616e646f6d,
              seed.first ^ 0x6c7967656e657261, seed.second ^ 0x7465646279746573};
  const std::uint64_t length = bytes.size();
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) state.take(word_at(bytes.data(), 8));
  state.take(word_at(bytes.data(), bytes.size()) | length << 56);
  state.c ^= 0xFF;
  for (int i = 0; i < 4; ++i) state.round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

std::size_t SeededHash::operator()(const AddressBlock& block) const {
  std::array<std::uint8_t, 9> bytes{};
  std::memcpy(bytes.data(), &block.bits, sizeof block.bits);
  bytes[8] = block.v6 ? 1 : 0;
  return hash_array(seed_, bytes);
}

std::size_t SeededHash::operator()(const Endpoint& endpoint) const {
  std::array<std::uint8_t, 19> bytes{};
  std::memcpy(bytes.data(), endpoint.address.data(), endpoint.address.size());
  std::memcpy(bytes.data() + 16, &endpoint.port, sizeof endpoint.port);
  bytes[18] = endpoint.v6 ? 1 : 0;
  return hash_array(seed_, bytes);
}

}  // namespace ezio::tracker
