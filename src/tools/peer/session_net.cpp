// The session's listener and its connections: routes what they report to the swarm they belong to.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <tuple>

#include "tools/peer/session.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::uint16_t default_port = 6881;
constexpr std::uint16_t last_default_port = 6999;
constexpr std::size_t max_strangers = 256;
constexpr Duration stranger_timeout = 10s;

// Where it cannot listen: the error, and the acceptor closed again.
boost::system::error_code listen_on(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  boost::system::error_code error;
  const auto failed = [&] {
    if (!error) return false;
    boost::system::error_code ignored;
    acceptor.close(ignored);
    return true;
  };
  acceptor.open(endpoint.protocol(), error);
  if (failed()) return error;
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (failed()) return error;
  if (endpoint.address().is_v6()) {
    // The unspecified address takes IPv4 connections too, a particular one itself only.
    acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), error);
    if (failed()) return error;
  }
  acceptor.bind(endpoint, error);
  if (failed()) return error;
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  failed();
  return error;
}

// On every address, at the first free of our usual ports.
boost::system::error_code listen_anywhere(tcp::acceptor& acceptor) {
  boost::system::error_code error;
  for (const tcp& protocol : {tcp::v6(), tcp::v4()}) {  // a host may be without IPv6
    for (std::uint16_t port = default_port; port <= last_default_port; ++port) {
      error = listen_on(acceptor, {protocol, port});
      if (!error) return {};
      if (error != asio::error::address_in_use) break;
    }
  }
  return error;
}

}  // namespace

void Session::open_listener(const std::optional<Endpoint>& wanted) {
  const auto error = wanted ? listen_on(acceptor_, to_asio(*wanted)) : listen_anywhere(acceptor_);
  if (!error) return;
  const std::string where = wanted ? to_string(*wanted) : fmt::format("any port from {}", default_port);
  throw std::runtime_error(fmt::format("cannot listen on {}: {}", where, error.message()));
}

Endpoint Session::listen_endpoint() const {
  return to_endpoint(acceptor_.local_endpoint());
}

void Session::accept_next() {
  acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (error) {  // out of descriptors, as a rule: again at the next tick, when there may be some
      accept_again_ = true;
      return;
    }
    if (strangers_.size() >= max_strangers) drop_stranger();
    auto connection = make_connection(std::move(socket));
    connection->accept();
    strangers_.emplace(std::move(connection), std::chrono::steady_clock::now());
    accept_next();
  });
}

std::shared_ptr<Connection> Session::make_connection(Connection::Socket socket) {
  const RateLimits limits{upload_limit_ ? &*upload_limit_ : nullptr,
                          download_limit_ ? &*download_limit_ : nullptr};
  return std::make_shared<Connection>(static_cast<ConnectionHandler&>(*this), std::move(socket), limits);
}

// One that has said nothing longest, of the address that has most of them: whoever is silent in numbers keeps
// nobody else out.
void Session::drop_stranger() {
  const auto address = [](const auto& entry) {
    Endpoint endpoint = entry.first->remote();
    endpoint.port = 0;
    return endpoint;
  };
  std::map<Endpoint, std::size_t> counts;
  for (const auto& entry : strangers_) ++counts[address(entry)];
  const auto dropped =
      std::min_element(strangers_.begin(), strangers_.end(), [&](const auto& a, const auto& b) {
        return std::tuple(-static_cast<std::int64_t>(counts[address(a)]), a.second) <
               std::tuple(-static_cast<std::int64_t>(counts[address(b)]), b.second);
      });
  dropped->first->close();
  strangers_.erase(dropped);
}

void Session::sweep_strangers() {
  const TimePoint now = std::chrono::steady_clock::now();
  std::erase_if(strangers_, [&](const auto& entry) {
    if (now - entry.second < stranger_timeout) return false;
    entry.first->close();
    return true;
  });
}

void Session::on_connected(Connection& connection) {
  deliver(connection.torrent, PeerConnected{connection.peer});
}

void Session::on_handshake(Connection& connection, const wire::Handshake& handshake) {
  if (connection.attached) {
    deliver(connection.torrent, HandshakeReceived{connection.peer, handshake});
    return;
  }
  auto self = connection.shared_from_this();
  strangers_.erase(self);
  for (std::uint32_t i = 0; i < torrents_.size(); ++i) {
    Torrent& torrent = torrents_[i];
    if (torrent.job.metainfo.info_hash != handshake.info_hash || torrent.swarm->finished()) continue;
    connection.torrent = i;
    connection.peer = torrent.swarm->new_handle();
    connection.attached = true;
    connection.set_limits({torrent.swarm->stats().pieces, Uploader::largest_request});
    torrent.connections.emplace(connection.peer, self);
    deliver(i, PeerAccepted{connection.peer, connection.remote(), handshake});
    return;
  }
  connection.close();
}

void Session::on_message(Connection& connection, wire::Message message) {
  deliver(connection.torrent, MessageReceived{connection.peer, std::move(message)});
}

void Session::on_block_header(Connection& connection, const BlockSpan& span) {
  deliver(connection.torrent, BlockHeaderReceived{connection.peer, span});
}

void Session::on_block_progress(Connection& connection, std::uint32_t bytes) {
  deliver(connection.torrent, BlockProgress{connection.peer, bytes});
}

void Session::on_block_received(Connection& connection, const BlockSpan& span) {
  deliver(connection.torrent, BlockReceived{connection.peer, span});
}

void Session::on_block_sent(Connection& connection, const BlockSpan& span) {
  deliver(connection.torrent, BlockSent{connection.peer, span});
}

void Session::on_source_failed(Connection& connection, const std::string& reason) {
  const std::uint32_t torrent = connection.torrent;
  torrents_[torrent].connections.erase(connection.peer);
  deliver(torrent, SourceFailed{reason});
}

void Session::on_disconnected(Connection& connection, const std::string& reason) {
  if (!connection.attached) {
    strangers_.erase(connection.shared_from_this());
    return;
  }
  const PeerHandle peer = connection.peer;
  const std::uint32_t torrent = connection.torrent;
  torrents_[torrent].connections.erase(peer);
  deliver(torrent, PeerDisconnected{peer, reason});
}

}  // namespace ezio
