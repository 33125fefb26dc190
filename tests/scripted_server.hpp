// A server on loopback that answers each connection's first request with whatever the test says, in the open
// or through TLS.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace ezio::test {

class ScriptedServer {
 public:
  // The bytes to send before closing; nothing at all where the connection is to be left hanging.
  using Script = std::function<std::optional<std::string>(const std::string& request)>;

  using Tls = std::shared_ptr<boost::asio::ssl::context>;
  enum class Farewell { close_notify, none };  // how a TLS connection ends

  explicit ScriptedServer(Script script, Tls tls = nullptr, Farewell farewell = Farewell::close_notify)
      : script_(std::move(script)),
        tls_(std::move(tls)),
        farewell_(farewell),
        acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}),
        port_(acceptor_.local_endpoint().port()),
        thread_([this] { run(); }) {}

  ~ScriptedServer() {
    stopping_ = true;
    boost::system::error_code ignored;
    boost::asio::ip::tcp::socket wake(context_);
    wake.connect({boost::asio::ip::address_v4::loopback(), port_}, ignored);
    thread_.join();
  }

  std::string url(const std::string& path) const {
    return (tls_ ? "https" : "http") + ("://127.0.0.1:" + std::to_string(port_)) + path;
  }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void run() {
    for (;;) {
      boost::asio::ip::tcp::socket socket(context_);
      acceptor_.accept(socket);
      if (stopping_) return;
      answer(std::move(socket));
    }
  }

  void answer(boost::asio::ip::tcp::socket socket) {
    if (!tls_) {
      if (!exchange(socket)) hanging_.push_back(std::move(socket));
      return;
    }
    boost::system::error_code error;
    boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream(std::move(socket), *tls_);
    stream.handshake(boost::asio::ssl::stream_base::server, error);
    if (error) return;
    exchange(stream);
    if (farewell_ == Farewell::close_notify) stream.shutdown(error);
  }

  // A request and its answer; false: the connection is to be left hanging.
  template <class Stream>
  bool exchange(Stream& stream) {
    boost::system::error_code ignored;
    std::string request;
    boost::asio::read_until(stream, boost::asio::dynamic_buffer(request), "\r\n\r\n", ignored);
    const auto reply = script_(request);
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    if (!reply) return false;
    boost::asio::write(stream, boost::asio::buffer(*reply), ignored);
    return true;
  }

  Script script_;
  Tls tls_;
  Farewell farewell_;
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  unsigned short port_;
  std::vector<boost::asio::ip::tcp::socket> hanging_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

// A whole reply with the right Content-Length.
inline std::string http_reply(const std::string& body, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline std::string http_redirect(const std::string& location) {
  return "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n";
}

}  // namespace ezio::test
