// A smoothed transfer rate, sampled at each tick. Core file.
#pragma once

#include <chrono>
#include <cstdint>

#include "bt/types.hpp"

namespace ezio {

class Rate {
 public:
  void add(std::uint64_t bytes) {
    total_ += bytes;
    since_tick_ += bytes;
  }
  // Folds the bytes since the last tick in. At ten ticks a second it falls within about 1 s and rises within
  // a few ticks: a new connection's rate must not be underestimated for long.
  void tick(Duration elapsed) {
    const double seconds = std::chrono::duration<double>(elapsed).count();
    if (seconds <= 0) return;
    const double now = static_cast<double>(since_tick_) / seconds;
    since_tick_ = 0;
    const double weight = now > per_second_ ? 0.5 : 0.15;
    per_second_ = per_second_ == 0 ? now : (1 - weight) * per_second_ + weight * now;
    if (per_second_ < 1) per_second_ = 0;
  }
  double per_second() const { return per_second_; }  // bytes
  std::uint64_t total() const { return total_; }     // bytes since start

 private:
  std::uint64_t total_ = 0;
  std::uint64_t since_tick_ = 0;
  double per_second_ = 0;
};

}  // namespace ezio
