// A budget of bytes that grows at a steady rate, up to a limit, and may be overdrawn: whoever finds something
// left may take more than that, and the next ones wait for it. So the mean is kept whatever the parts are.
// Core file.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "bt/base/types.hpp"

namespace ezio {

class TokenBucket {
 public:
  // Both > 0. Begins with all of `burst` bytes.
  TokenBucket(double bytes_per_second, double burst, TimePoint now)
      : rate_(bytes_per_second), burst_(burst), left_(burst), at_(now) {}

  void advance(TimePoint now) {
    left_ = std::min(burst_, left_ + rate_ * std::chrono::duration<double>(now - at_).count());
    at_ = now;
  }
  void spend(std::uint64_t bytes) { left_ -= static_cast<double>(bytes); }

  bool ready() const { return left_ > 0; }
  // Until it is ready, from the last advance() on.
  Duration wait() const {
    if (ready()) return {};
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>((1 - left_) / rate_));
  }

 private:
  double rate_;
  double burst_;
  double left_;  // below 0: owed
  TimePoint at_;
};

}  // namespace ezio
