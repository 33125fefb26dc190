#include "sim/tcp.hpp"

#include <algorithm>
#include <cmath>

#include "sim/link.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

constexpr double mss = segment_bytes;
constexpr double least_window = 2 * mss;
constexpr double rested_window = 10 * mss;
constexpr double cut_to = 0.7;
constexpr double steepness = 0.4;  // C of RFC 9438, in segments a second cubed
constexpr double friendly_growth = 3 * (1 - cut_to) / (1 + cut_to);  // segments a round trip
constexpr double hystart_window = 16 * mss;                          // below it delays mean nothing

}  // namespace

void TcpWindow::measure(Duration rtt, TimePoint now) {
  least_rtt_ = std::min(least_rtt_, rtt);
  smoothed_rtt_ = smoothed_rtt_ == Duration{} ? rtt : (7 * smoothed_rtt_ + rtt) / 8;
  if (now >= round_end_) {
    round_end_ = now + rtt;
    round_rtt_ = Duration::max();
  }
  round_rtt_ = std::min(round_rtt_, rtt);
}

void TcpWindow::acknowledged(std::uint64_t bytes, Duration rtt, TimePoint now, bool limited) {
  measure(rtt, now);
  if (!limited) return;
  if (window_ >= threshold_) {
    grow_like_cubic(static_cast<double>(bytes), now);
  } else {
    window_ += static_cast<double>(bytes);
    const Duration late = std::clamp<Duration>(least_rtt_ / 8, 4ms, 16ms);
    if (window_ >= hystart_window && round_rtt_ > least_rtt_ + late)
      threshold_ = window_;  // a queue builds up
  }
  largest_ = std::max(largest_, window_);
}

void TcpWindow::grow_like_cubic(double bytes, TimePoint now) {
  if (epoch_ == TimePoint{}) {
    epoch_ = now;
    epoch_window_ = friendly_ = window_;
    last_max_ = std::max(last_max_, window_);
    plateau_ = std::cbrt((last_max_ - window_) / mss / steepness);
  }
  friendly_ += friendly_growth * mss * bytes / window_;
  const double target = std::clamp(std::max(cubic_target(now), friendly_), window_, 1.5 * window_);
  window_ += (target - window_) * bytes / window_;
}

// One round trip ahead, as every such implementation has it.
double TcpWindow::cubic_target(TimePoint now) const {
  const double since = std::chrono::duration<double>(now - epoch_ + smoothed_rtt_).count() - plateau_;
  return last_max_ + steepness * since * since * since * mss;
}

void TcpWindow::lost() {
  // Fast convergence: who is cut before it was back makes room for newcomers.
  last_max_ = window_ < last_max_ ? window_ * (1 + cut_to) / 2 : window_;
  window_ = threshold_ = std::max(window_ * cut_to, least_window);
  epoch_ = {};
}

void TcpWindow::timed_out() {
  lost();
  window_ = least_window;
}

void TcpWindow::rested(Duration idle) {
  const Duration unit = std::max<Duration>(200ms, 2 * smoothed_rtt_);
  for (; idle > unit && window_ > rested_window; idle -= unit) {
    threshold_ = std::max(threshold_, window_ * 3 / 4);
    window_ = std::max(window_ / 2, rested_window);
  }
  epoch_ = {};
}

}  // namespace ezio::sim
