// The blocks of addresses that the tracker counts by: one host, one subnet.
//
// Core file.
#pragma once

#include <cstdint>

#include "bt/base/endpoint.hpp"

namespace ezio::tracker {

// The first bits of an address, up to 64.
struct AddressBlock {
  std::uint64_t bits = 0;
  bool v6 = false;
  bool operator==(const AddressBlock&) const = default;
};

inline AddressBlock address_block(const Endpoint& endpoint, unsigned v4_bytes) {
  AddressBlock block{0, endpoint.v6};
  for (unsigned i = 0; i < (endpoint.v6 ? 8 : v4_bytes); ++i)
    block.bits = block.bits << 8 | endpoint.address[i];
  return block;
}

// Who shares limits: an IPv4 address; of IPv6 a /64, since whoever has one address there has all of them.
inline AddressBlock host_block(const Endpoint& endpoint) {
  return address_block(endpoint, 4);
}

// Who is taken to be behind the same switch: an IPv4 /24, an IPv6 /64.
inline AddressBlock subnet_block(const Endpoint& endpoint) {
  return address_block(endpoint, 3);
}

inline bool is_loopback(const Endpoint& endpoint) {
  if (!endpoint.v6) return endpoint.address[0] == 127;
  for (unsigned i = 0; i < 15; ++i) {
    if (endpoint.address[i] != 0) return false;
  }
  return endpoint.address[15] == 1;
}

}  // namespace ezio::tracker
