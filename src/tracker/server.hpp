// The tracker's HTTP/1.1 server: sockets, deadlines and limits; what is answered is the Service's.
//
// Edge. One thread, that of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "bt/base/endpoint.hpp"
#include "tracker/service.hpp"

namespace ezio::tracker {

struct ServerLimits {
  std::size_t connections = 4096;  // more wait in the listen queue
  std::chrono::milliseconds read_timeout =
      std::chrono::seconds(30);  // for a whole request, idle time included
  std::chrono::milliseconds write_timeout = std::chrono::seconds(30);  // without the client taking a byte
  std::uint32_t header_bytes = 8 * 1024;                               // of a request; a body is refused
};

class Server {
 public:
  // Listens at once; throws std::runtime_error naming the address when one cannot be listened on. An IPv6
  // wildcard takes IPv4 too, unless an IPv4 address with the same port is in the list. The server
  // must go before the io_context, and the service after it.
  Server(boost::asio::io_context& context, Service& service, const std::vector<Endpoint>& listen,
         ServerLimits limits = {});
  ~Server();  // stops listening and closes every connection
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::vector<Endpoint> endpoints() const;  // where it listens, with the real ports

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ezio::tracker
