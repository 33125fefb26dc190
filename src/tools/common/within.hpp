// Work that may have to wait for a device for ever, done where it can be given up.
#pragma once

#include <future>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "bt/base/types.hpp"

namespace ezio {

// What `work()` returns, or nothing when that takes longer than this (0: there is no such time). It runs in a
// thread of its own, and nobody waits for the thread then: a system call that the kernel does not end cannot
// be ended. So `work` must own all that it touches. What it throws comes through; std::system_error where no
// thread can be had.
template <class Work>
std::optional<std::invoke_result_t<Work>> within(Duration time, Work work) {
  std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
  auto result = task.get_future();
  std::thread(std::move(task)).detach();
  if (time > Duration{} && result.wait_for(time) != std::future_status::ready) return std::nullopt;
  return result.get();
}

}  // namespace ezio
