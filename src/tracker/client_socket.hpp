// A client's connected socket. What can be done at once is done at once: most clients of a tracker send one
// short request and want one short reply, and are never waited for, so that the reactor need not hear of
// them.
//
// Edge. One thread, that of the io_context.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>

#include "bt/base/endpoint.hpp"

namespace ezio::tracker {

class ClientSocket {
 public:
  using Error = boost::system::error_code;

  // Takes over the descriptor, which does not block.
  ClientSocket(boost::asio::io_context& context, int descriptor, bool v6)
      : socket_(context), descriptor_(descriptor), v6_(v6) {}
  ~ClientSocket() { close(); }
  ClientSocket(const ClientSocket&) = delete;
  ClientSocket& operator=(const ClientSocket&) = delete;

  // How many bytes could be read, or written, without waiting: empty where none; or an error, which the end
  // of the stream is, too.
  std::optional<std::size_t> try_read(boost::asio::mutable_buffer buffer, Error& error);
  // `closing`: close() follows, if all could be written, and both go in one packet.
  std::optional<std::size_t> try_write(boost::asio::const_buffer buffer, Error& error, bool closing);

  // Wait for it. The handler is called with an error and a number of bytes, and never from within the call.
  template <class Handler>
  void async_read(boost::asio::mutable_buffer buffer, Handler handler) {
    register_once();
    socket_.async_read_some(buffer, std::move(handler));
  }
  template <class Handler>
  void async_write(boost::asio::const_buffer buffer, Handler handler) {
    register_once();
    socket_.async_write_some(buffer, std::move(handler));
  }

  void shutdown_send();
  void close();
  Endpoint local() const;  // the server's end; Endpoint{} where that is not known

 private:
  void register_once();

  boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type> socket_;
  int descriptor_;  // -1 once closed
  bool v6_;
};

}  // namespace ezio::tracker
