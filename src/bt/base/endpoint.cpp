#include "bt/base/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cassert>
#include <charconv>

namespace ezio {

namespace {

constexpr std::array<std::uint8_t, 12> v4_mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

}  // namespace

std::string address_text(const Endpoint& endpoint) {
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(endpoint.v6 ? AF_INET6 : AF_INET, endpoint.address.data(), text, sizeof text);
  return text;
}

std::string to_string(const Endpoint& endpoint) {
  const std::string address = address_text(endpoint);
  return (endpoint.v6 ? "[" + address + "]:" : address + ":") + std::to_string(endpoint.port);
}

Endpoint endpoint_from_bytes(Bytes address, std::uint16_t port) {
  assert(address.size() == 4 || address.size() == 16);
  Endpoint endpoint;
  endpoint.port = port;
  endpoint.v6 = address.size() == 16;
  std::memcpy(endpoint.address.data(), address.data(), address.size());
  if (endpoint.v6 && std::equal(v4_mapped_prefix.begin(), v4_mapped_prefix.end(), endpoint.address.begin())) {
    return endpoint_from_bytes(address.last(4), port);
  }
  return endpoint;
}

std::optional<Endpoint> parse_address(std::string_view literal, std::uint16_t port) {
  if (literal.size() >= INET6_ADDRSTRLEN || literal.find('\0') != literal.npos) return std::nullopt;
  const std::string text(literal);
  std::array<std::byte, 16> bytes{};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) {
    return endpoint_from_bytes(Bytes(bytes).first(4), port);
  }
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return endpoint_from_bytes(bytes, port);
  return std::nullopt;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  const auto port = parse_port(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!port || bracketed != (host.find(':') != host.npos)) return std::nullopt;
  return parse_address(host, *port);
}

}  // namespace ezio
