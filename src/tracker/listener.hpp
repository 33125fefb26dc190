// A listening socket: hands over what connects.
//
// Edge. One thread, that of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "bt/base/endpoint.hpp"
#include "tracker/client_socket.hpp"

namespace ezio::tracker {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  using Take = std::function<void(std::unique_ptr<ClientSocket> socket, const Endpoint& source)>;

  // Listens at once; throws std::runtime_error naming the address when that cannot be done.
  Listener(boost::asio::io_context& context, const Endpoint& endpoint, bool v6_only, Take take);

  void start();
  void stop();  // `take` is not called any more

  Endpoint endpoint() const;  // with the real port

 private:
  void accept_waiting();
  void start_later();

  boost::asio::io_context& context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  Take take_;
};

}  // namespace ezio::tracker
