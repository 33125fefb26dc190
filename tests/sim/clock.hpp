// Virtual time: tasks run in the order of their times, those of one time in the order they were given.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "bt/base/types.hpp"

namespace ezio::sim {

class Clock {
 public:
  using Task = std::function<void()>;

  TimePoint now() const { return now_; }
  void at(TimePoint time, Task task);  // not in the past
  void after(Duration delay, Task task) { at(now_ + delay, std::move(task)); }
  bool idle() const { return heap_.empty(); }
  TimePoint next() const { return heap_.front().time; }  // not when idle
  void step();                                           // runs the next task; not when idle
  std::uint64_t steps() const { return order_; }

 private:
  struct Entry {
    TimePoint time;
    std::uint64_t order;
    std::uint32_t slot;  // in tasks_
    bool operator<(const Entry& other) const {
      return time != other.time ? time > other.time : order > other.order;  // the heap's top is the earliest
    }
  };

  TimePoint now_{std::chrono::seconds(1000)};
  std::uint64_t order_ = 0;
  std::vector<Entry> heap_;
  std::vector<Task> tasks_;
  std::vector<std::uint32_t> free_slots_;
};

inline double seconds_between(TimePoint from, TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}
inline Duration seconds_of(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace ezio::sim
