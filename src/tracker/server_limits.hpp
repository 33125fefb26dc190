// What the tracker's HTTP server bears from its clients. docs/TRACKER.md "Limits of the tracker" lists them
// for users.
#pragma once

#include <chrono>
#include <cstddef>

#include "tracker/doorkeeper.hpp"

namespace ezio::tracker {

struct ServerLimits {
  Doorkeeper::Limits door = {};
  // For the head of a request, from its first byte, or from connecting. A body is refused.
  std::chrono::milliseconds head_timeout = std::chrono::seconds(10);
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(60);   // between two requests
  std::chrono::milliseconds write_timeout = std::chrono::seconds(30);  // without the client taking a byte
  std::size_t head_bytes = std::size_t{16} * 1024;                     // of a request
  std::size_t reply_bytes = std::size_t{64}
                            << 20;  // of large replies that clients have not taken yet, together
  std::size_t pages = 64;           // readers of /events
};

}  // namespace ezio::tracker
