#include "sim/clock.hpp"

#include <algorithm>
#include <cassert>

namespace ezio::sim {

void Clock::at(TimePoint time, Task task) {
  assert(time >= now_);
  std::uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(tasks_.size());
    tasks_.push_back(std::move(task));
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
    tasks_[slot] = std::move(task);
  }
  heap_.push_back({time, order_++, slot});
  std::push_heap(heap_.begin(), heap_.end());
}

void Clock::step() {
  std::pop_heap(heap_.begin(), heap_.end());
  const Entry entry = heap_.back();
  heap_.pop_back();
  now_ = entry.time;
  Task task = std::move(tasks_[entry.slot]);  // which is empty from here on
  free_slots_.push_back(entry.slot);
  task();
}

}  // namespace ezio::sim
