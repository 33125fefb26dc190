#include "bt/net/asio_endpoint.hpp"

#include <algorithm>
#include <span>

namespace ezio {

namespace asio = boost::asio;
using asio::ip::tcp;

Endpoint to_endpoint(const tcp::endpoint& endpoint) {
  if (endpoint.address().is_v4()) {
    const auto bytes = endpoint.address().to_v4().to_bytes();
    return endpoint_from_bytes(std::as_bytes(std::span(bytes)), endpoint.port());
  }
  const auto bytes = endpoint.address().to_v6().to_bytes();
  return endpoint_from_bytes(std::as_bytes(std::span(bytes)), endpoint.port());
}

tcp::endpoint to_asio(const Endpoint& endpoint) {
  if (endpoint.v6) return {asio::ip::address_v6(endpoint.address), endpoint.port};
  asio::ip::address_v4::bytes_type v4;
  std::copy_n(endpoint.address.begin(), v4.size(), v4.begin());
  return {asio::ip::address_v4(v4), endpoint.port};
}

}  // namespace ezio
