// An HTTP request and its reply, as the tracker's service sees them: without a socket.
#pragma once

#include <boost/beast/core/file_posix.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bt/base/endpoint.hpp"

namespace ezio::tracker {

// A GET or HEAD. The texts belong to the connection, and are valid while the request is answered.
struct Request {
  std::string_view target;          // path and query, as they stand in the request
  Endpoint source;                  // who asks
  std::function<Endpoint()> local;  // where it connected to: a system call
  std::string_view authorization;   // the header's value
  std::string_view cookie;          // likewise
};

// Some bytes of a file that is open.
struct FileSlice {
  boost::beast::file_posix file;
  std::uint64_t offset = 0;  // bytes
  std::uint64_t length = 0;  // bytes
};

// The body is `body`, then `shared`, then `slice`, then `tail`; most have one of them.
struct Reply {
  unsigned status = 200;                                        // of HTTP
  std::string_view content_type = "text/plain; charset=utf-8";  // of static lifetime
  std::string body;
  std::shared_ptr<const std::string> shared;
  std::optional<FileSlice> slice;
  std::string tail;
  std::string headers;  // more of them, each line with its CR LF
  bool stream = false;  // goes on after the body, without end (/events)

  std::uint64_t length() const {
    return body.size() + (shared ? shared->size() : 0) + (slice ? slice->length : 0) + tail.size();
  }
};

}  // namespace ezio::tracker
