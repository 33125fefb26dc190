// How much one direction of our link carries at most, as far as we have seen. Core file.
#pragma once

#include <algorithm>
#include <cmath>

#include "bt/base/types.hpp"

namespace ezio {

class LinkUse {
 public:
  // `bytes` that moved since the last tick, over all peers.
  void tick(double bytes, Duration elapsed) {
    const double seconds = std::min(std::chrono::duration<double>(elapsed).count(), 1.0);
    if (seconds <= 0) return;
    // The mean at first, then with a memory of a second: what sockets swallow at their start is no rate.
    weight_ = weight_ * std::exp(-seconds) + seconds;
    mean_ += (bytes / seconds - mean_) * seconds / weight_;
    if (weight_ < 0.5) return;
    capacity_ = std::max(mean_, capacity_ * (1 - decay_per_second * seconds));
  }
  // Bytes a second: the most that was seen lately; 0 where unknown.
  double capacity() const { return capacity_; }

  // Whether more could go through than `rate` bytes a second.
  bool has_room(double rate) const { return rate < full * capacity_; }

 private:
  static constexpr double full = 0.9;  // of the capacity: rates are never quite steady
  static constexpr double decay_per_second = 0.01;

  double mean_ = 0;
  double weight_ = 0;  // seconds that the mean is made of
  double capacity_ = 0;
};

}  // namespace ezio
