// A point in time on both clocks: the steady one that the core counts on, and the calendar that people read.
//
// Core file.
#pragma once

#include <chrono>

#include "bt/base/types.hpp"

namespace ezio::tracker {

struct Moment {
  TimePoint time;
  double unix_s = 0;  // seconds since 1970, UTC, at that time

  // What the calendar said at another time, taken that nobody has set it since.
  double unix_at(TimePoint other) const {
    return unix_s - std::chrono::duration<double>(time - other).count();
  }
  // The counterpart.
  TimePoint time_at(double other_unix_s) const {
    return time - std::chrono::duration_cast<Duration>(std::chrono::duration<double>(unix_s - other_unix_s));
  }
};

}  // namespace ezio::tracker
