// Fetches http:// URLs: tracker announces, and torrents named by URL.
//
// Edge. Plain HTTP only, GET only. Whatever the server does ends in a body or an error that names the URL.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bt/base/result.hpp"

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

  explicit HttpClient(boost::asio::any_io_executor executor);
  ~HttpClient();  // ends what is under way; its callbacks are not called any more
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Resolves the host, tries its addresses in turn, sends the request, follows up to three redirects (to
  // http:// or relative) and reads the body up to its limit. The callback runs once, from the executor and
  // never from inside get(); it may destroy the client.
  void get(const std::string& url, HttpLimits limits, Callback callback);

 private:
  class Fetch;

  boost::asio::any_io_executor executor_;
  std::vector<std::weak_ptr<Fetch>> fetches_;  // under way, or ended and not yet swept out
};

// The same, waiting.
HttpResult http_get(const std::string& url, HttpLimits limits);

}  // namespace ezio
