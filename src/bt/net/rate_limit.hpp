// One direction's bytes a second over all connections of the process: --upload-limit and --download-limit.
//
// Whoever wants to read or write asks to be let in, and says afterwards how much it was. Connections take
// turns, a chunk at a time. Used from the event loop's thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <deque>
#include <functional>

#include "bt/base/token_bucket.hpp"

namespace ezio {

class RateLimit {
 public:
  RateLimit(const boost::asio::any_io_executor& executor, double bytes_per_second);

  // Calls `go` when its turn has come, at once if nobody waits and the budget is not used up. Not called any
  // more when the limit is gone.
  void let_in(std::function<void()> go);
  void spend(std::size_t bytes);                // has moved so many
  std::size_t chunk() const { return chunk_; }  // bytes that one may move at most when it is let in

 private:
  void wait();

  boost::asio::steady_timer timer_;
  std::size_t chunk_;
  TokenBucket bucket_;
  std::deque<std::function<void()>> waiting_;
};

// Of a process; null: no limit. Outlive the connections.
struct RateLimits {
  RateLimit* upload = nullptr;
  RateLimit* download = nullptr;
};

}  // namespace ezio
