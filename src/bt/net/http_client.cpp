#include "bt/net/http_client.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <optional>
#include <utility>

#include "bt/base/printable.hpp"
#include "bt/base/version.hpp"

namespace ezio {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace urls = boost::urls;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr int max_redirects = 3;
constexpr std::uint32_t max_header_bytes = 16 * 1024;
constexpr std::size_t max_url_bytes = 4096;  // as much as is quoted in messages

bool is_redirect(http::status status) {
  return status == http::status::moved_permanently || status == http::status::found ||
         status == http::status::see_other || status == http::status::temporary_redirect ||
         status == http::status::permanent_redirect;
}

bool lasts(http::status status) {
  return status == http::status::not_found || status == http::status::gone;
}

// The URL, when this client can fetch it.
Result<urls::url> parse_url(const std::string& text) {
  auto url = urls::parse_uri(text);
  if (!url) return Error{"not a URL: " + url.error().message()};
  if (url->scheme_id() != urls::scheme::http && url->scheme_id() != urls::scheme::https) {
    return Error{"only http:// and https:// URLs can be fetched"};
  }
  if (url->encoded_host().empty()) return Error{"the URL has no host"};
  if (url->has_port() && !url->port().empty() && url->port_number() == 0) {
    return Error{fmt::format("port {} does not exist", quoted(std::string(url->port())))};
  }
  return urls::url(*url);
}

}  // namespace

// One get(), from the call to its callback. Owned by the handlers of whatever it waits for.
class HttpClient::Fetch : public std::enable_shared_from_this<HttpClient::Fetch> {
 public:
  // `client` is there for as long as nothing was called back or cancelled.
  Fetch(HttpClient& client, std::string url, HttpLimits limits, Callback callback)
      : client_(client),
        name_(std::move(url)),
        limits_(limits),
        callback_(std::move(callback)),
        resolver_(client.executor_),
        stream_(client.executor_),
        deadline_(client.executor_) {}

  void start() {
    if (!callback_) return;
    deadline_.expires_after(limits_.timeout);
    deadline_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->fail(fmt::format("no answer within {} ms", self->limits_.timeout.count()));
    });
    visit(name_);
  }

  // Nothing is called back from now on.
  void cancel() {
    callback_ = nullptr;
    close();
  }

 private:
  void visit(const std::string& url) {
    auto parsed = parse_url(url);
    if (!parsed) return fail(parsed.error().message, lasting);
    url_ = std::move(*parsed);
    const std::string port = url_.has_port() && !url_.port().empty() ? std::string(url_.port())
                             : secure()                              ? "443"
                                                                     : "80";
    resolver_.async_resolve(std::string(url_.host_address()), port,
                            [self = shared_from_this()](error_code error, tcp::resolver::results_type found) {
                              if (!self->callback_) return;
                              if (error) return self->fail("cannot resolve the host: " + error.message());
                              self->addresses_ = std::move(found);
                              self->connect(self->addresses_.begin());
                            });
  }

  bool secure() const { return url_.scheme_id() == urls::scheme::https; }

  // Each address gets its share of the time, so that a dead one leaves some for the next.
  void connect(tcp::resolver::results_type::iterator address) {
    tls_.reset();  // the attempt or the redirect before
    stream_.close();
    stream_.expires_after(limits_.timeout / static_cast<long>(addresses_.size() + 1));
    stream_.async_connect(address->endpoint(), [self = shared_from_this(), address](error_code error) {
      if (!self->callback_) return;
      if (!error) return self->secure() ? self->shake_hands() : self->send();
      if (std::next(address) != self->addresses_.end()) return self->connect(std::next(address));
      self->fail("cannot connect: " + error.message());
    });
  }

  void shake_hands() {
    stream_.expires_never();
    const auto context = client_.tls();
    if (!context) return fail(context.error().message, lasting);
    tls_context_ = *context;
    tls_.emplace(stream_, *tls_context_);
    const HostKind kind = url_.host_type() == urls::host_type::name ? HostKind::name : HostKind::address;
    if (auto done = expect_host(tls_->native_handle(), std::string(url_.host_address()), kind); !done)
      return fail(done.error().message, lasting);
    tls_->async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](error_code error) {
      if (!self->callback_) return;
      if (!error) return self->send();
      const HandshakeFault fault = explain_handshake(self->tls_->native_handle(), error);
      self->fail(fault.text, fault.lasting);
    });
  }

  // Does this with what bytes go through.
  template <class Work>
  void with_stream(const Work& work) {
    tls_ ? work(*tls_) : work(stream_);
  }

  void send() {
    stream_.expires_never();  // the deadline of the whole is enough from here on
    request_ = {http::verb::get, std::string(url_.encoded_target()), 11};
    if (request_.target().empty() || request_.target().front() != '/') {
      request_.target("/" + std::string(request_.target()));
    }
    request_.set(http::field::host, std::string(url_.encoded_host_and_port()));
    request_.set(http::field::user_agent, client_name);
    request_.set(http::field::connection, "close");
    const auto sent = [self = shared_from_this()](error_code error, std::size_t) {
      if (!self->callback_) return;
      if (error) return self->fail("cannot send the request: " + error.message());
      self->receive();
    };
    with_stream([&](auto& stream) { http::async_write(stream, request_, sent); });
  }

  void receive() {
    buffer_.clear();
    parser_.emplace();
    parser_->header_limit(max_header_bytes);
    parser_->body_limit(limits_.max_body_bytes);
    const auto received = [self = shared_from_this()](error_code error, std::size_t) {
      if (!self->callback_) return;
      if (error == http::error::body_limit) {
        return self->fail(fmt::format("the reply is larger than {} bytes", self->limits_.max_body_bytes),
                          lasting);
      }
      if (error) return self->fail("cannot read the reply: " + error.message());
      self->judge(self->parser_->get());
    };
    with_stream([&](auto& stream) { http::async_read(stream, buffer_, *parser_, received); });
  }

  void judge(http::response<http::string_body>& response) {
    if (is_redirect(response.result())) return redirect(response[http::field::location]);
    if (response.result() != http::status::ok) {
      return fail(fmt::format("HTTP status {} {}", response.result_int(), printable(response.reason())),
                  lasts(response.result()));
    }
    finish({boost::system::in_place_value, std::move(response.body())});
  }

  void redirect(const std::string& location) {
    if (++redirects_ > max_redirects)
      return fail(fmt::format("more than {} redirects", max_redirects), lasting);
    const auto reference = urls::parse_uri_reference(location);
    urls::url target;
    if (location.empty() || !reference || !urls::resolve(url_, *reference, target)) {
      return fail("redirected to " + quoted(location, max_url_bytes) + ", which is no URL", lasting);
    }
    if (secure() && target.scheme_id() != urls::scheme::https)
      return fail("redirected from https:// to " + quoted(location, max_url_bytes), lasting);
    visit(std::string(target.buffer()));
  }

  static constexpr bool lasting = true;

  void fail(const std::string& why, bool is_lasting = false) {
    // Without its query, which says nothing to a user and a lot about the announce.
    finish(HttpError{{quoted(name_.substr(0, name_.find('?')), max_url_bytes) + ": " + why}, is_lasting});
  }

  void finish(HttpResult result) {
    if (!callback_) return;
    const Callback callback = std::exchange(callback_, nullptr);
    close();
    callback(std::move(result));
  }

  void close() {
    deadline_.cancel();
    resolver_.cancel();
    stream_.close();
  }

  HttpClient& client_;
  const std::string name_;  // the URL as it was asked for
  const HttpLimits limits_;
  Callback callback_;  // empty once called or cancelled
  tcp::resolver resolver_;
  beast::tcp_stream stream_;
  TlsContext tls_context_;
  std::optional<asio::ssl::stream<beast::tcp_stream&>> tls_;  // of an https:// URL, over stream_
  asio::steady_timer deadline_;

  urls::url url_;  // the one being visited
  tcp::resolver::results_type addresses_;
  http::request<http::empty_body> request_;
  beast::flat_buffer buffer_;
  std::optional<http::response_parser<http::string_body>> parser_;
  int redirects_ = 0;
};

HttpClient::HttpClient(asio::any_io_executor executor, std::optional<std::string> ca_file)
    : executor_(std::move(executor)), ca_file_(std::move(ca_file)) {}

Result<TlsContext> HttpClient::tls() {
  if (tls_ != nullptr) return tls_;
  auto made = make_tls_context(ca_file_);
  if (made) tls_ = *made;
  return made;
}

HttpClient::~HttpClient() {
  for (const auto& weak : fetches_) {
    if (const auto fetch = weak.lock()) fetch->cancel();
  }
}

void HttpClient::get(const std::string& url, HttpLimits limits, Callback callback) {
  std::erase_if(fetches_, [](const auto& weak) { return weak.expired(); });
  const auto fetch = std::make_shared<Fetch>(*this, url, limits, std::move(callback));
  fetches_.push_back(fetch);
  asio::post(executor_, [fetch] { fetch->start(); });
}

HttpResult http_get(const std::string& url, HttpLimits limits, std::optional<std::string> ca_file) {
  asio::io_context context;
  HttpClient client(context.get_executor(), std::move(ca_file));
  HttpResult result = HttpError{{"not fetched"}};
  client.get(url, limits, [&](HttpResult body) { result = std::move(body); });
  context.run();
  return result;
}

}  // namespace ezio
