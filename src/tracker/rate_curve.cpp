#include "tracker/rate_curve.hpp"

#include <algorithm>
#include <utility>

namespace ezio::tracker {

RateCurve::RateCurve(std::vector<Point> points, std::size_t calls_a_point)
    : points_(std::move(points)), calls_a_point_(std::max<std::size_t>(calls_a_point, 1)) {
  if (points_.size() > max_points) points_.erase(points_.begin(), points_.end() - max_points);
}

void RateCurve::add(TimePoint time, double rate) {
  sum_ += rate;
  if (++calls_ < calls_a_point_) return;
  if (points_.size() == max_points) halve();
  if (calls_ < calls_a_point_) return;
  points_.push_back({time, sum_ / static_cast<double>(calls_)});
  calls_ = 0;
  sum_ = 0;
}

// Two points become one, and so it goes on.
void RateCurve::halve() {
  for (std::size_t i = 0; i < max_points / 2; ++i) {
    points_[i] = {points_[2 * i + 1].time, (points_[2 * i].rate + points_[2 * i + 1].rate) / 2};
  }
  points_.resize(max_points / 2);
  calls_a_point_ *= 2;
}

}  // namespace ezio::tracker
