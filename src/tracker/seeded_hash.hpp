// Hashes for tables whose keys strangers choose: without the seed nobody can find keys that collide.
//
// Core file. SipHash-2-4 (Aumasson and Bernstein, 2012).
#pragma once

#include <cstdint>
#include <string_view>

#include "bt/base/endpoint.hpp"
#include "bt/base/types.hpp"
#include "tracker/address_block.hpp"

namespace ezio::tracker {

// Random, and told nobody; the driver draws it.
struct HashSeed {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

std::uint64_t siphash(HashSeed seed, Bytes bytes);

// For unordered containers, which take it as an argument of their constructor.
class SeededHash {
 public:
  explicit SeededHash(HashSeed seed) : seed_(seed) {}

  std::size_t operator()(Bytes bytes) const { return siphash(seed_, bytes); }
  std::size_t operator()(std::string_view text) const { return siphash(seed_, as_bytes(text)); }
  std::size_t operator()(const InfoHash& hash) const { return siphash(seed_, Bytes(hash.bytes)); }
  std::size_t operator()(const AddressBlock& block) const;
  std::size_t operator()(const Endpoint& endpoint) const;

  HashSeed seed() const { return seed_; }

 private:
  HashSeed seed_;
};

}  // namespace ezio::tracker
