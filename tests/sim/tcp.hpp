// How much of a stream may be on its way: CUBIC (RFC 9438) as Linux has it, with HyStart.
//
// Arithmetic alone; the network tells it what was acknowledged and what was lost.
#pragma once

#include <cstdint>

#include "sim/clock.hpp"

namespace ezio::sim {

class TcpWindow {
 public:
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(window_); }
  std::uint64_t largest() const { return static_cast<std::uint64_t>(largest_); }  // so far
  Duration smoothed_rtt() const { return smoothed_rtt_; }

  // `limited`: the stream would have sent more, had the window been larger.
  void acknowledged(std::uint64_t bytes, Duration rtt, TimePoint now, bool limited);
  void lost();                 // something; once for each round trip in which it happens
  void timed_out();            // nothing was heard of what was sent last
  void rested(Duration idle);  // nothing was on its way for so long

 private:
  void measure(Duration rtt, TimePoint now);
  void grow_like_cubic(double bytes, TimePoint now);
  double cubic_target(TimePoint now) const;

  double window_ = 10 * 1448.0;
  double largest_ = window_;
  double threshold_ = 1e18;  // below it: slow start
  Duration smoothed_rtt_{};
  Duration least_rtt_ = Duration::max();
  // Of the present round of slow start.
  TimePoint round_end_{};
  Duration round_rtt_ = Duration::max();
  // Of the present epoch of CUBIC: it began with the window at epoch_window_ and reaches last_max_ again
  // after plateau_ seconds; friendly_ is what Reno would have.
  TimePoint epoch_{};
  double last_max_ = 0;
  double plateau_ = 0;
  double epoch_window_ = 0;
  double friendly_ = 0;
};

}  // namespace ezio::sim
