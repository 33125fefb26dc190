// Virtual time: tasks run in the order of their times, those of one time in the order they were given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "bt/base/types.hpp"

namespace ezio::sim {

// Something to do once. Small ones, nearly all, are kept in place: a run makes hundreds of millions of them.
class Task {
 public:
  template <class Work>
  requires(!std::is_same_v<std::decay_t<Work>, Task>)
      Task(Work&& work) {  // NOLINT: a lambda becomes a task without ado, as with std::function
    using Kept = std::decay_t<Work>;
    if constexpr (sizeof(Kept) <= room && std::is_nothrow_move_constructible_v<Kept>) {
      new (place_) Kept(std::forward<Work>(work));
      act_ = [](void* self, void* into, Act act) { Task::act(*static_cast<Kept*>(self), into, act); };
    } else {
      using Far = std::unique_ptr<Kept>;
      new (place_) Far(std::make_unique<Kept>(std::forward<Work>(work)));
      act_ = [](void* self, void* into, Act act) {
        Far& far = *static_cast<Far*>(self);
        if (act == Act::run) return static_cast<void>((*far)());
        Task::act(far, into, act);
      };
    }
  }
  Task(Task&& other) noexcept : act_(std::exchange(other.act_, nullptr)) {
    if (act_ != nullptr) act_(other.place_, place_, Act::move);
  }
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      this->~Task();
      new (this) Task(std::move(other));
    }
    return *this;
  }
  ~Task() {
    if (act_ != nullptr) act_(place_, nullptr, Act::destroy);
  }
  void operator()() { act_(place_, nullptr, Act::run); }

 private:
  enum class Act { run, move, destroy };
  static constexpr std::size_t room = 56;

  template <class Kept>
  static void act(Kept& kept, void* into, Act act) {
    if constexpr (std::is_invocable_v<Kept&>) {
      if (act == Act::run) return static_cast<void>(kept());
    }
    if (act == Act::move) new (into) Kept(std::move(kept));
    if (act != Act::run) kept.~Kept();
  }

  alignas(std::max_align_t) std::byte place_[room];
  void (*act_)(void*, void*, Act);
};

class Clock {
 public:
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
