// A smoothed transfer rate, sampled at each tick. Core file.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "bt/base/types.hpp"

namespace ezio {

class Rate {
 public:
  void add(std::uint64_t bytes) {
    total_ += bytes;
    since_tick_ += bytes;
  }
  // Folds the bytes since the last tick in: the mean of a flow's first ticks, then with a memory of about 1 s
  // at ten ticks a second.
  void tick(Duration elapsed) {
    const double seconds = std::chrono::duration<double>(elapsed).count();
    if (seconds <= 0) return;
    const double now = static_cast<double>(since_tick_) / seconds;
    since_tick_ = 0;
    ticks_ = per_second_ == 0 ? 1 : ticks_ + 1;
    const double weight = std::max(0.15, 1.0 / static_cast<double>(ticks_));
    per_second_ = (1 - weight) * per_second_ + weight * now;
    if (per_second_ < 1) per_second_ = 0;
  }
  double per_second() const { return per_second_; }  // bytes
  std::uint64_t total() const { return total_; }     // bytes since start

 private:
  std::uint64_t total_ = 0;
  std::uint64_t since_tick_ = 0;
  double per_second_ = 0;
  std::uint64_t ticks_ = 0;  // since the flow began
};

}  // namespace ezio
