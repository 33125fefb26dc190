#include "bt/net/resolve.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/url/parse.hpp>

#include "bt/base/printable.hpp"
#include "bt/net/connection.hpp"

namespace ezio {

Result<std::vector<Endpoint>> resolve_peers(const std::vector<std::string>& peers) {
  std::vector<Endpoint> endpoints;
  boost::asio::io_context context;
  boost::asio::ip::tcp::resolver resolver(context);
  for (const std::string& peer : peers) {
    const auto fault = [&](const std::string& why) {
      return Error{fmt::format("--peer {}: {}", ezio::quoted(peer), why)};
    };
    const auto authority = boost::urls::parse_authority(peer);
    if (!authority || authority->host().empty() || authority->port_number() == 0)
      return fault("not HOST:PORT");
    boost::system::error_code error;
    const auto found = resolver.resolve(authority->host_address(), std::string(authority->port()), error);
    if (error) return fault(error.message());
    for (const auto& entry : found) endpoints.push_back(to_endpoint(entry.endpoint()));
  }
  return endpoints;
}

}  // namespace ezio
