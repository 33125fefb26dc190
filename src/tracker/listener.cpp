#include "tracker/listener.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "bt/net/asio_endpoint.hpp"

namespace ezio::tracker {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto accept_pause = std::chrono::milliseconds(100);  // after a failed accept (no descriptors left)
constexpr int accepts_a_turn = 64;                             // then others have theirs

// tcp(7): the kernel keeps a connection to itself until the client has sent something, or for so many
// seconds. A client that does nothing costs us nothing, and one that asks is answered in one turn.
constexpr int defer_s = 5;

// What the kernel takes from us before the client's window is open, so that who does not read costs little.
constexpr int unsent_bytes = 128 * 1024;
constexpr int no_delay = 1;  // replies to pipelined requests do not wait for each other's arrival

}  // namespace

Listener::Listener(asio::io_context& context, const Endpoint& endpoint, bool v6_only, Take take) try
    : context_(context), acceptor_(context), pause_(context), take_(std::move(take)) {
  acceptor_.open(to_asio(endpoint).protocol());
  acceptor_.set_option(tcp::acceptor::reuse_address(true));
  if (endpoint.v6) acceptor_.set_option(asio::ip::v6_only(v6_only));
  ::setsockopt(acceptor_.native_handle(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof defer_s);
  // Accepted sockets inherit these.
  ::setsockopt(acceptor_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
  ::setsockopt(acceptor_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
  acceptor_.bind(to_asio(endpoint));
  acceptor_.listen();
  acceptor_.non_blocking(true);
} catch (const boost::system::system_error& error) {
  throw std::runtime_error(
      fmt::format("cannot listen on {}: {}", to_string(endpoint), error.code().message()));
}

void Listener::start() {
  acceptor_.async_wait(tcp::acceptor::wait_read, [weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (!self || !self->take_) return;
    if (error) return self->start_later();
    self->accept_waiting();
  });
}

void Listener::stop() {
  take_ = nullptr;
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

Endpoint Listener::endpoint() const {
  return to_endpoint(acceptor_.local_endpoint());
}

void Listener::accept_waiting() {
  for (int i = 0; i < accepts_a_turn; ++i) {
    tcp::endpoint source;
    auto length = static_cast<socklen_t>(source.capacity());
    const int descriptor =
        ::accept4(acceptor_.native_handle(), source.data(), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (descriptor < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
      return start_later();
    }
    if (descriptor < 0) continue;  // that client has gone already
    source.resize(length);
    take_(std::make_unique<ClientSocket>(context_, descriptor, source.protocol() == tcp::v6()),
          to_endpoint(source));
    if (!take_) return;
  }
  start();
}

void Listener::start_later() {
  pause_.expires_after(accept_pause);
  pause_.async_wait([weak = weak_from_this()](error_code) {
    const auto self = weak.lock();
    if (self && self->take_) self->start();
  });
}

}  // namespace ezio::tracker
