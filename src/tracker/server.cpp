#include "tracker/server.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include "tracker/connection.hpp"
#include "tracker/listener.hpp"
#include "tracker/present.hpp"

namespace ezio::tracker {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

namespace {

constexpr Duration tick_pause = std::chrono::seconds(1);

}  // namespace

// Handlers hold it weakly, so that they do nothing once the Server is gone.
class Server::Impl : public std::enable_shared_from_this<Server::Impl>, public ConnectionOwner {
 public:
  Impl(asio::io_context& context, Service& service, const ServerLimits& limits, HashSeed seed)
      : context_(context),
        service_(service),
        limits_(limits),
        door_(limits.door, seed),
        ticker_(context),
        sweeper_(context) {}

  void listen(const Endpoint& endpoint, bool v6_only) {
    const auto take = [this](std::unique_ptr<ClientSocket> socket, const Endpoint& source) {
      take_in(std::move(socket), source);
    };
    listeners_.push_back(std::make_shared<Listener>(context_, endpoint, v6_only, take));
  }

  void start() {
    for (const auto& listener : listeners_) listener->start();
    tick();
    sweep();
  }

  void stop() {
    stopped_ = true;
    for (const auto& listener : listeners_) listener->stop();
    ticker_.cancel();
    sweeper_.cancel();
    while (!connections_.empty()) connections_.front().shared_from_this()->close();
  }

  std::vector<Endpoint> endpoints() const {
    std::vector<Endpoint> out;
    for (const auto& listener : listeners_) out.push_back(listener->endpoint());
    return out;
  }

  Service& service() override { return service_; }
  const ServerLimits& limits() const override { return limits_; }
  void set_idle(Connection& connection, bool idle) override { door_.set_idle(connection, idle); }
  bool reserve(std::size_t bytes) override {
    while (reserved_ + bytes > limits_.reply_bytes) {
      if (bytes > limits_.reply_bytes || !drop_slowest()) return false;
    }
    reserved_ += bytes;
    return true;
  }
  void release(std::size_t bytes) override { reserved_ -= bytes; }
  void closed(Connection& connection) override {
    door_.leave(connection);
    connections_.erase(connections_.iterator_to(connection));
    service_.set_connections(door_.size());
  }

 private:
  void take_in(std::unique_ptr<ClientSocket> socket, const Endpoint& source) {
    const auto connection = std::make_shared<Connection>(std::move(socket), source, *this);
    const auto verdict = door_.enter(*connection, source);
    if (!verdict.admitted) return;
    connections_.push_back(*connection);
    if (verdict.gives_way) static_cast<Connection*>(verdict.gives_way)->shared_from_this()->close();
    service_.set_connections(door_.size());
    connection->start();
  }

  // Of those for whom bytes are kept, who has taken none for longest.
  bool drop_slowest() {
    Connection* slowest = nullptr;
    for (Connection& connection : connections_) {
      if (connection.reserved() == 0 || !connection.is_idle()) continue;
      if (!slowest || connection.deadline() < slowest->deadline()) slowest = &connection;
    }
    if (!slowest) return false;
    slowest->shared_from_this()->close();
    return true;
  }

  void tick() {
    ticker_.expires_after(tick_pause);
    ticker_.async_wait([weak = weak_from_this()](error_code) {
      const auto self = weak.lock();
      if (!self || self->stopped_) return;
      self->service_.tick(present());
      self->tick();
    });
  }

  // Closes those whose time is over: one look at everybody now and then is cheaper than a timer each.
  void sweep() {
    const auto shortest = std::min({limits_.head_timeout, limits_.idle_timeout, limits_.write_timeout});
    sweeper_.expires_after(std::min<Duration>(shortest / 4, tick_pause));
    sweeper_.async_wait([weak = weak_from_this()](error_code) {
      const auto self = weak.lock();
      if (!self || self->stopped_) return;
      self->close_overdue(steady_clock::now());
      self->sweep();
    });
  }

  void close_overdue(TimePoint now) {
    for (auto next = connections_.begin(); next != connections_.end();) {
      Connection& connection = *next++;
      if (connection.is_overdue(now)) connection.shared_from_this()->close();
    }
  }

  asio::io_context& context_;
  Service& service_;
  const ServerLimits limits_;
  Doorkeeper door_;
  asio::steady_timer ticker_;
  asio::steady_timer sweeper_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  boost::intrusive::list<Connection, boost::intrusive::constant_time_size<false>> connections_;
  std::size_t reserved_ = 0;  // bytes of large replies
  bool stopped_ = false;
};

Server::Server(asio::io_context& context, Service& service, const std::vector<Endpoint>& listen,
               ServerLimits limits, HashSeed seed)
    : impl_(std::make_shared<Impl>(context, service, limits, seed)) {
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
