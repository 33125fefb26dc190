#include "tracker/client_socket.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <cerrno>

#include "bt/net/asio_endpoint.hpp"

namespace ezio::tracker {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

std::optional<std::size_t> outcome(ssize_t done, ClientSocket::Error& error) {
  error.clear();
  if (done > 0) return static_cast<std::size_t>(done);
  if (done == 0) {
    error = asio::error::eof;
  } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    error.assign(errno, boost::system::system_category());
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> ClientSocket::try_read(asio::mutable_buffer buffer, Error& error) {
  return outcome(::recv(descriptor_, buffer.data(), buffer.size(), 0), error);
}

std::optional<std::size_t> ClientSocket::try_write(asio::const_buffer buffer, Error& error, bool closing) {
  const int flags = MSG_NOSIGNAL | (closing ? MSG_MORE : 0);
  return outcome(::send(descriptor_, buffer.data(), buffer.size(), flags), error);
}

void ClientSocket::register_once() {
  if (!socket_.is_open()) socket_.assign(v6_ ? tcp::v6() : tcp::v4(), descriptor_);
}

void ClientSocket::shutdown_send() {
  if (descriptor_ >= 0) ::shutdown(descriptor_, SHUT_WR);
}

void ClientSocket::close() {
  if (descriptor_ < 0) return;
  Error ignored;
  if (socket_.is_open()) {
    socket_.close(ignored);
  } else {
    ::close(descriptor_);
  }
  descriptor_ = -1;
}

Endpoint ClientSocket::local() const {
  tcp::endpoint endpoint;
  auto length = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockname(descriptor_, endpoint.data(), &length) != 0) return {};
  endpoint.resize(length);
  return to_endpoint(endpoint);
}

}  // namespace ezio::tracker
