#include "tracker/connection.hpp"

#include <algorithm>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "bt/base/version.hpp"
#include "bt/net/connection.hpp"

namespace ezio::tracker {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

bool is_http_error(const error_code& error) {
  return error.category() == make_error_code(http::error::bad_version).category();
}

// The reply to a request that is none.
Reply complaint(const error_code& error) {
  const unsigned status = error == http::error::header_limit ? 431 : 400;
  return {status, "text/plain", error.message() + "\n", {}};
}

class HttpConnection : public Connection, public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(tcp::socket socket, const Endpoint& peer, Service& service, const ServerLimits& limits,
                 std::function<void()> ended)
      : stream_(std::move(socket)),
        peer_(peer),
        service_(service),
        limits_(limits),
        ended_(std::move(ended)) {}
  ~HttpConnection() override { ended_(); }

  void close() override { stream_.close(); }

  void read() {
    parser_.emplace();
    parser_->header_limit(limits_.header_bytes);
    stream_.expires_after(limits_.read_timeout);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, std::size_t) { self->on_read(error); });
  }

 private:
  void on_read(const error_code& error) {
    if (error == http::error::end_of_stream || error == http::error::partial_message) return shut_down();
    if (is_http_error(error)) return send(complaint(error), false);
    if (error) return;
    const auto& request = parser_->get();
    if (request.method() != http::verb::get) {
      return send({405, "text/plain", "only GET is answered\n", {}}, false);
    }
    send(service_.answer(request.target(), peer_, std::chrono::steady_clock::now()), request.keep_alive());
  }

  template <class Body>
  static http::response<Body> head_of(const Reply& reply, bool keep_alive) {
    http::response<Body> head{http::int_to_status(reply.status), 11};
    head.set(http::field::server, client_name);
    head.set(http::field::content_type, reply.content_type);
    if (reply.status == 405) head.set(http::field::allow, "GET");
    head.keep_alive(keep_alive);
    return head;
  }

  void send(Reply reply, bool keep_alive) {
    keep_alive_ = keep_alive;
    if (reply.file) return send_file(std::move(reply));
    text_.emplace(head_of<http::string_body>(reply, keep_alive));
    text_->body() = std::move(reply.body);
    text_->prepare_payload();
    text_serializer_.emplace(*text_);
    send_text();
  }

  void send_text() {
    stream_.expires_after(limits_.write_timeout);
    http::async_write_some(stream_, *text_serializer_,
                           [self = shared_from_this()](error_code error, std::size_t) {
                             if (error) return;
                             self->text_serializer_->is_done() ? self->next() : self->send_text();
                           });
  }

  void send_file(Reply reply) {
    error_code error;
    file_left_ = reply.file->size(error);
    if (error) return send({500, "text/plain", "the file cannot be read\n", {}}, false);
    file_ = std::move(*reply.file);
    head_.emplace(head_of<http::empty_body>(reply, keep_alive_));
    head_->content_length(file_left_);
    head_serializer_.emplace(*head_);
    stream_.expires_after(limits_.write_timeout);
    http::async_write_header(stream_, *head_serializer_,
                             [self = shared_from_this()](error_code failed, std::size_t) {
                               if (!failed) self->send_chunk();
                             });
  }

  // A file that shrinks or fails half-way breaks the connection: that is all HTTP has for it by then.
  void send_chunk() {
    if (file_left_ == 0) return next();
    error_code error;
    chunk_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(file_left_, chunk_bytes)));
    const std::size_t got = file_.read(chunk_.data(), chunk_.size(), error);
    if (error || got == 0) return stream_.close();
    file_left_ -= got;
    send_rest(asio::const_buffer(chunk_.data(), got));
  }

  void send_rest(asio::const_buffer rest) {
    if (rest.size() == 0) return send_chunk();
    stream_.expires_after(limits_.write_timeout);
    stream_.async_write_some(rest, [self = shared_from_this(), rest](error_code error, std::size_t sent) {
      if (!error) self->send_rest(rest + sent);
    });
  }

  void next() {
    file_ = {};
    chunk_ = {};
    keep_alive_ ? read() : shut_down();
  }

  // Lets the last reply arrive: what the client still sends is read and dropped until it closes.
  void shut_down() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(std::min<std::chrono::milliseconds>(limits_.read_timeout, linger));
    drain();
  }

  void drain() {
    chunk_.resize(1024);
    stream_.async_read_some(asio::buffer(chunk_), [self = shared_from_this()](error_code error, std::size_t) {
      if (!error) self->drain();
    });
  }

  static constexpr std::size_t chunk_bytes = 256 * 1024;
  static constexpr std::chrono::milliseconds linger = std::chrono::seconds(2);

  beast::tcp_stream stream_;
  const Endpoint peer_;
  Service& service_;
  const ServerLimits limits_;
  std::function<void()> ended_;

  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::empty_body>> parser_;
  bool keep_alive_ = false;  // after the reply being sent
  std::optional<http::response<http::string_body>> text_;
  std::optional<http::response_serializer<http::string_body>> text_serializer_;
  std::optional<http::response<http::empty_body>> head_;
  std::optional<http::response_serializer<http::empty_body>> head_serializer_;
  beast::file_posix file_;
  std::uint64_t file_left_ = 0;  // bytes not read yet
  std::vector<char> chunk_;
};

}  // namespace

std::shared_ptr<Connection> serve(tcp::socket socket, Service& service, const ServerLimits& limits,
                                  std::function<void()> ended) {
  error_code gone;
  const auto peer = socket.remote_endpoint(gone);
  const auto connection = std::make_shared<HttpConnection>(std::move(socket), to_endpoint(peer), service,
                                                           limits, std::move(ended));
  if (!gone) connection->read();
  return connection;
}

}  // namespace ezio::tracker
