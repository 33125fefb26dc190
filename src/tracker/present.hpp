// Both clocks, read at once. Edge.
#pragma once

#include "tracker/moment.hpp"

namespace ezio::tracker {

inline Moment present() {
  const std::chrono::duration<double> unix_time = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::steady_clock::now(), unix_time.count()};
}

}  // namespace ezio::tracker
