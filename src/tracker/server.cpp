#include "tracker/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <stdexcept>
#include <unordered_map>

#include "bt/net/connection.hpp"
#include "tracker/connection.hpp"

namespace ezio::tracker {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto tick_pause = std::chrono::seconds(5);
constexpr auto accept_pause = std::chrono::milliseconds(100);  // after a failed accept (no descriptors left)

// A listening socket; nothing is accepted from it while the connections are at their limit.
struct Listener {
  explicit Listener(asio::io_context& context) : acceptor(context), pause(context) {}

  tcp::acceptor acceptor;
  asio::steady_timer pause;
  bool accepting = false;
};

void open(tcp::acceptor& acceptor, const Endpoint& endpoint, bool v6_only) try {
  acceptor.open(to_asio(endpoint).protocol());
  acceptor.set_option(tcp::acceptor::reuse_address(true));
  if (endpoint.v6) acceptor.set_option(asio::ip::v6_only(v6_only));
  acceptor.bind(to_asio(endpoint));
  acceptor.listen();
} catch (const boost::system::system_error& error) {
  throw std::runtime_error(
      fmt::format("cannot listen on {}: {}", to_string(endpoint), error.code().message()));
}

}  // namespace

// Handlers hold it weakly, so that they do nothing once the Server is gone.
class Server::Impl : public std::enable_shared_from_this<Server::Impl> {
 public:
  Impl(asio::io_context& context, Service& service, ServerLimits limits)
      : context_(context), service_(service), limits_(limits), ticker_(context) {}

  void listen(const Endpoint& endpoint, bool v6_only) {
    open(listeners_.emplace_back(std::make_unique<Listener>(context_))->acceptor, endpoint, v6_only);
  }

  void start() {
    accept_all();
    tick();
  }

  void stop() {
    stopped_ = true;
    listeners_.clear();
    ticker_.cancel();
    std::vector<std::shared_ptr<Connection>> open_ones;  // closing one may change the map
    for (const auto& [id, weak] : connections_) open_ones.push_back(weak.lock());
    for (const auto& connection : open_ones) {
      if (connection) connection->close();
    }
  }

  std::vector<Endpoint> endpoints() const {
    std::vector<Endpoint> out;
    for (const auto& listener : listeners_) out.push_back(to_endpoint(listener->acceptor.local_endpoint()));
    return out;
  }

 private:
  void accept_all() {
    for (const auto& listener : listeners_) accept(*listener);
  }

  void accept(Listener& listener) {
    if (listener.accepting || connections_.size() >= limits_.connections) return;
    listener.accepting = true;
    listener.acceptor.async_accept(
        [weak = weak_from_this(), &listener](error_code error, tcp::socket socket) {
          const auto self = weak.lock();
          if (!self || self->stopped_) return;
          listener.accepting = false;
          if (error) return self->accept_later(listener);
          self->add(std::move(socket));
          self->accept(listener);
        });
  }

  void accept_later(Listener& listener) {
    listener.pause.expires_after(accept_pause);
    listener.pause.async_wait([weak = weak_from_this(), &listener](error_code) {
      const auto self = weak.lock();
      if (self && !self->stopped_) self->accept(listener);
    });
  }

  void add(tcp::socket socket) {
    const std::uint64_t id = next_id_++;
    connections_.emplace(id, std::weak_ptr<Connection>());
    connections_[id] = serve(std::move(socket), service_, limits_, [weak = weak_from_this(), id] {
      if (const auto self = weak.lock()) self->remove(id);
    });
    service_.connections = connections_.size();
  }

  void remove(std::uint64_t id) {
    connections_.erase(id);
    service_.connections = connections_.size();
    if (!stopped_) accept_all();
  }

  void tick() {
    ticker_.expires_after(tick_pause);
    ticker_.async_wait([weak = weak_from_this()](error_code) {
      const auto self = weak.lock();
      if (!self || self->stopped_) return;
      self->service_.tick(std::chrono::steady_clock::now());
      self->tick();
    });
  }

  asio::io_context& context_;
  Service& service_;
  const ServerLimits limits_;
  asio::steady_timer ticker_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unordered_map<std::uint64_t, std::weak_ptr<Connection>> connections_;
  std::uint64_t next_id_ = 0;
  bool stopped_ = false;
};

Server::Server(asio::io_context& context, Service& service, const std::vector<Endpoint>& listen,
               ServerLimits limits)
    : impl_(std::make_shared<Impl>(context, service, limits)) {
  for (const Endpoint& endpoint : listen) {
    const bool v4_is_taken = std::ranges::any_of(listen, [&](const Endpoint& other) {
      return !other.v6 && other.port == endpoint.port && other.port != 0;
    });
    impl_->listen(endpoint, v4_is_taken);
  }
  impl_->start();
}

Server::~Server() {
  impl_->stop();
}

std::vector<Endpoint> Server::endpoints() const {
  return impl_->endpoints();
}

}  // namespace ezio::tracker
