// The tracker's HTTP/1.1 server: sockets, deadlines and limits; what is answered is the Service's.
//
// Edge. One thread, that of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

#include "bt/base/endpoint.hpp"
#include "tracker/server_limits.hpp"
#include "tracker/service.hpp"

namespace ezio::tracker {

class Server {
 public:
  // Listens at once; throws std::runtime_error naming the address when one cannot be listened on. An IPv6
  // wildcard takes IPv4 too, unless an IPv4 address with the same port is in the list. The server
  // must go before the io_context, and the service after it.
  Server(boost::asio::io_context& context, Service& service, const std::vector<Endpoint>& listen,
         ServerLimits limits = {}, HashSeed seed = {});
  ~Server();  // stops listening and closes every connection
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::vector<Endpoint> endpoints() const;  // where it listens, with the real ports

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ezio::tracker
