// The session's listener and its connections: routes what they report to the swarm they belong to.
#include <fmt/format.h>

#include <boost/asio/ip/v6_only.hpp>
#include <cassert>

#include "bt/session.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::uint16_t default_port = 6881;
constexpr std::uint16_t last_default_port = 6999;
constexpr std::size_t max_strangers = 256;
constexpr Duration stranger_timeout = 10s;

}  // namespace

void Session::open_listener(const std::optional<Endpoint>& wanted) {
  auto open = [&](const tcp::endpoint& endpoint) {
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    if (endpoint.address().is_v6())
      acceptor_.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()));
    acceptor_.bind(endpoint);
    acceptor_.listen();
  };
  if (wanted) return open(to_asio(*wanted));
  bool v6 = true;
  for (std::uint16_t port = default_port;;) {
    try {
      return open(tcp::endpoint(v6 ? tcp::v6() : tcp::v4(), port));
    } catch (const boost::system::system_error& error) {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      if (error.code() == asio::error::address_in_use && port < last_default_port) {
        ++port;
      } else if (v6) {
        v6 = false;  // a host without IPv6
        port = default_port;
      } else {
        throw;
      }
    }
  }
}

Endpoint Session::listen_endpoint() const {
  return to_endpoint(acceptor_.local_endpoint());
}

void Session::accept_next() {
  acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error && strangers_.size() < max_strangers) {
      auto connection =
          std::make_shared<Connection>(static_cast<ConnectionHandler&>(*this), std::move(socket));
      strangers_.emplace(connection, std::chrono::steady_clock::now());
      connection->accept();
    }
    accept_next();
  });
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

void Session::on_block_received(Connection& connection, const BlockSpan& span) {
  deliver(connection.torrent, BlockReceived{connection.peer, span});
}

void Session::on_block_sent(Connection& connection, const BlockSpan& span) {
  deliver(connection.torrent, BlockSent{connection.peer, span});
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
