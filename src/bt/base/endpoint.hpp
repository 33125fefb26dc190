// An IP address and TCP port as a value, and their text form.
//
// Core file: inet_pton and inet_ntop are pure functions; nothing is resolved or opened here.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "bt/base/types.hpp"

namespace ezio {

// An IPv4 or IPv6 address and TCP port. IPv4 is held as its four bytes, never as a mapped IPv6 address.
struct Endpoint {
  std::array<std::uint8_t, 16> address{};  // network order; IPv4 in the first four
  bool v6 = false;
  std::uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
};
std::string to_string(const Endpoint& endpoint);     // "192.0.2.1:6881", "[2001:db8::1]:6881"
std::string address_text(const Endpoint& endpoint);  // "192.0.2.1", "2001:db8::1"

// From an address in network order: 4 bytes of IPv4 or 16 of IPv6 (a v4-mapped one becomes IPv4).
Endpoint endpoint_from_bytes(Bytes address, std::uint16_t port);

// From a literal address, "192.0.2.1" or "2001:db8::1"; no names, no brackets, no zone.
std::optional<Endpoint> parse_address(std::string_view literal, std::uint16_t port);

// From what to_string yields, as users write it: ADDR:PORT, IPv6 in brackets. Port 0 is allowed.
std::optional<Endpoint> parse_endpoint(std::string_view text);

}  // namespace ezio

template <>
struct std::hash<ezio::Endpoint> {
  std::size_t operator()(const ezio::Endpoint& endpoint) const noexcept {
    const char* address = reinterpret_cast<const char*>(endpoint.address.data());
    const std::size_t port = endpoint.port * std::size_t{2} + (endpoint.v6 ? 1 : 0);
    return std::hash<std::string_view>{}({address, endpoint.address.size()}) ^ (port * 0x9E3779B97F4A7C15u);
  }
};
