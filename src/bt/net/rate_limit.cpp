#include "bt/net/rate_limit.hpp"

#include <algorithm>
#include <utility>

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr double chunk_seconds = 0.01;
constexpr double least_chunk = 16 * KiB;
constexpr double most_chunk = 512 * KiB;
constexpr double burst_seconds = 0.05;  // saved up by an idle link
constexpr Duration least_wait = 1ms;

std::size_t chunk_of(double bytes_per_second) {
  return static_cast<std::size_t>(std::clamp(bytes_per_second * chunk_seconds, least_chunk, most_chunk));
}

TimePoint now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

RateLimit::RateLimit(const boost::asio::any_io_executor& executor, double bytes_per_second)
    : timer_(executor),
      chunk_(chunk_of(bytes_per_second)),
      bucket_(bytes_per_second, bytes_per_second * burst_seconds, now()) {}

void RateLimit::let_in(std::function<void()> go) {
  bucket_.advance(now());
  if (waiting_.empty() && bucket_.ready()) return go();
  waiting_.push_back(std::move(go));
  if (waiting_.size() == 1) wait();
}

void RateLimit::spend(std::size_t bytes) {
  bucket_.spend(bytes);
}

void RateLimit::wait() {
  timer_.expires_after(std::max(bucket_.wait(), least_wait));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    bucket_.advance(now());
    // Those who are let in now may have moved nothing yet: a socket may have nothing to read.
    while (!waiting_.empty() && bucket_.ready()) {
      const std::function<void()> go = std::move(waiting_.front());
      waiting_.pop_front();
      go();
    }
    if (!waiting_.empty()) wait();
  });
}

}  // namespace ezio
