// Fetches http:// and https:// URLs: tracker announces, and torrents named by URL.
//
// Edge. GET only. Whatever the server does ends in a body or an error that names the URL.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/net/tls.hpp"

namespace ezio {

struct HttpLimits {
  std::size_t max_body_bytes = std::size_t{4} << 20;
  std::chrono::milliseconds timeout = std::chrono::seconds(20);  // for everything, redirects included
};

// Why there is no body.
struct HttpError : Error {
  bool lasting = false;  // asking again will not help: not found, gone, or nothing that can be fetched
};
using HttpResult = boost::system::result<std::string, HttpError>;

// Used from the executor's thread only.
class HttpClient {
 public:
  // Gets the body of a reply with status 200; any other outcome is an error.
  using Callback = std::function<void(HttpResult body)>;

  // `ca_file`: whom https:// servers are vouched for by, instead of by the system's trust store
  // (bt/net/tls.hpp).
  explicit HttpClient(boost::asio::any_io_executor executor, std::optional<std::string> ca_file = {});
  ~HttpClient();  // ends what is under way; its callbacks are not called any more
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Resolves the host, tries its addresses in turn, sends the request, follows up to three redirects (not
  // from https:// to http://) and reads the body up to its limit. The callback runs once, from the executor
  // and never from inside get(); it may destroy the client.
  void get(const std::string& url, HttpLimits limits, Callback callback);

 private:
  class Fetch;

  // Made when the first https:// URL is visited.
  Result<TlsContext> tls();

  boost::asio::any_io_executor executor_;
  std::optional<std::string> ca_file_;
  TlsContext tls_;
  std::vector<std::weak_ptr<Fetch>> fetches_;  // under way, or ended and not yet swept out
};

// The same, waiting.
HttpResult http_get(const std::string& url, HttpLimits limits, std::optional<std::string> ca_file = {});

}  // namespace ezio
