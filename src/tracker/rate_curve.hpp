// A rate over the whole of a deployment, in so few points that a page can draw it.
//
// Core file.
#pragma once

#include <vector>

#include "bt/base/types.hpp"

namespace ezio::tracker {

class RateCurve {
 public:
  struct Point {
    TimePoint time;
    double rate = 0;  // the mean since the point before
  };
  static constexpr std::size_t max_points = 240;

  RateCurve() = default;
  // One as it was, by what points() and calls_a_point() said; of too many points the first ones are left out.
  RateCurve(std::vector<Point> points, std::size_t calls_a_point);

  // To be called every second or so. A point is the mean of as many calls as it takes for all of them to fit.
  void add(TimePoint time, double rate);

  const std::vector<Point>& points() const { return points_; }
  std::size_t calls_a_point() const { return calls_a_point_; }

 private:
  void halve();

  std::vector<Point> points_;
  std::size_t calls_a_point_ = 1;
  std::size_t calls_ = 0;  // that are not in a point yet
  double sum_ = 0;         // of these
};

}  // namespace ezio::tracker
