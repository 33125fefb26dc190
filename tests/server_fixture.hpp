// A tracker's server on loopback, and raw clients for it.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tracker/server.hpp"

namespace ezio::tracker::test {

// A service and its server on a thread of their own.
class RunningServer {
 public:
  explicit RunningServer(const std::vector<std::string>& listen, ServerLimits limits = {},
                         const std::string& directory = "")
      : service_({}, 1, directory.empty() ? std::nullopt : std::optional(TorrentShelf(directory)),
                 std::chrono::steady_clock::now()) {
    if (!directory.empty()) service_.set_torrents(TorrentScan(directory, "").look().value().torrents);
    std::vector<Endpoint> endpoints;
    for (const std::string& text : listen) endpoints.push_back(parse_endpoint(text).value());
    server_.emplace(context_, service_, endpoints, limits);
    endpoints_ = server_->endpoints();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~RunningServer() {
    context_.stop();
    thread_.join();
  }

  std::uint16_t port() const { return endpoints_.front().port; }
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  std::string url(const std::string& path) const { return "http://" + to_string(endpoints_.front()) + path; }

 private:
  Service service_;
  boost::asio::io_context context_;
  std::optional<Server> server_;
  std::vector<Endpoint> endpoints_;
  std::thread thread_;
};

class Client {
 public:
  explicit Client(std::uint16_t port) { socket_.connect({boost::asio::ip::address_v4::loopback(), port}); }

  void send(std::string_view bytes) {
    boost::system::error_code ignored;  // the server may have closed already
    boost::asio::write(socket_, boost::asio::buffer(bytes), ignored);
  }
  // One reply with a Content-Length.
  std::string reply() {
    boost::system::error_code error;
    const std::size_t head =
        boost::asio::read_until(socket_, boost::asio::dynamic_buffer(input_), "\r\n\r\n", error);
    if (error) return "closed: " + std::exchange(input_, "");
    const std::size_t at = input_.find("Content-Length: ");
    const std::size_t body = at < head ? std::stoul(input_.substr(at + 16)) : 0;
    if (input_.size() < head + body) {
      boost::asio::read(socket_, boost::asio::dynamic_buffer(input_),
                        boost::asio::transfer_exactly(head + body - input_.size()), error);
    }
    const std::string out = input_.substr(0, head + body);
    input_.erase(0, head + body);
    return out;
  }
  // Everything up to the end of the connection.
  std::string rest() {
    boost::system::error_code error;
    boost::asio::read(socket_, boost::asio::dynamic_buffer(input_), error);
    return std::exchange(input_, "");
  }
  // Up to and with `end`.
  std::string until(const std::string& end) {
    boost::system::error_code error;
    const std::size_t length =
        boost::asio::read_until(socket_, boost::asio::dynamic_buffer(input_), end, error);
    if (error) return "closed: " + std::exchange(input_, "");
    const std::string out = input_.substr(0, length);
    input_.erase(0, length);
    return out;
  }
  bool has_reply_within(std::chrono::milliseconds timeout) {
    pollfd wait{socket_.native_handle(), POLLIN, 0};
    return ::poll(&wait, 1, static_cast<int>(timeout.count())) > 0;
  }
  boost::asio::ip::tcp::socket& socket() { return socket_; }

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket socket_{context_};
  std::string input_;
};

inline std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n";
}

inline std::string announce_target(char peer, int port) {
  return "/announce?info_hash=hhhhhhhhhhhhhhhhhhhh&compact=0&peer_id=" + std::string(20, peer) +
         "&port=" + std::to_string(port);
}

}  // namespace ezio::tracker::test
