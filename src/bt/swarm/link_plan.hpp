// How much may be under way on one direction of our link, so that it is never idle and never crowded.
//
// Transfers are planned for a horizon ahead: a few round trips of a link whose queues are full. A transfer
// counts with what is left of it, but with no more than its rate brings in that time, so that a slow one
// leaves room for another. The link's capacity is the most that was seen lately. Core file.
#pragma once

#include <algorithm>
#include <cmath>

#include "bt/base/types.hpp"

namespace ezio {

class LinkPlan {
 public:
  static constexpr double horizon_seconds = 0.1;
  static constexpr Duration young = std::chrono::milliseconds(250);  // a transfer's rate says nothing yet

  // What counts of a transfer: `left` bytes at `rate` bytes a second, begun `age` ago.
  static double planned_bytes(double left, double rate, Duration age) {
    return age < young ? left : std::min(left, rate * horizon_seconds);
  }
  // Whether another one fits beside those planned so far.
  bool has_room(double planned) const {
    return planned < std::clamp(full * capacity_ * horizon_seconds, least_planned, most_planned);
  }

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
  double capacity() const { return capacity_; }  // bytes a second; 0 where unknown

 private:
  static constexpr double full = 0.85;            // of the capacity: rates are never quite steady
  static constexpr double least_planned = 256e3;  // bytes, however slow the link
  static constexpr double most_planned = 32e6;    // ... and however fast: memory of the receiver
  static constexpr double decay_per_second = 0.01;

  double mean_ = 0;
  double weight_ = 0;  // seconds that the mean is made of
  double capacity_ = 0;
};

}  // namespace ezio
