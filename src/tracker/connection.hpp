// One client of the tracker: requests in, replies out, one after the other on a kept-alive connection.
//
// Edge.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>

#include "tracker/server.hpp"

namespace ezio::tracker {

class Connection {
 public:
  virtual ~Connection() = default;
  virtual void close() = 0;
};

// Takes over the socket and serves it until the client closes, breaks a rule or is too slow. `ended` is
// called once, at the end, also after close(). The connection keeps itself alive; the service must outlive
// it.
std::shared_ptr<Connection> serve(boost::asio::ip::tcp::socket socket, Service& service,
                                  const ServerLimits& limits, std::function<void()> ended);

}  // namespace ezio::tracker
