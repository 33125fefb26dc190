// What threads have done, on its way to an event loop: an event descriptor is readable while something waits.
#pragma once

#include <sys/eventfd.h>

#include <cerrno>
#include <iterator>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "disk/unique_fd.hpp"

namespace ezio {

template <class Completion>
class CompletionQueue {
 public:
  // Throws std::system_error when the eventfd cannot be made.
  CompletionQueue() : event_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_fd_) throw std::system_error(errno, std::generic_category(), "eventfd");
  }

  // Any thread. One wake-up for all that the event loop has not seen yet. `done` is empty after it.
  void report(std::vector<Completion>& done) {
    if (done.empty()) return;
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) ::eventfd_write(event_fd_.get(), 1);
    std::move(done.begin(), done.end(), std::back_inserter(waiting_));
    done.clear();
  }

  int event_fd() const { return event_fd_.get(); }
  // Appends; clears the descriptor.
  void drain(std::vector<Completion>& out) {
    const std::lock_guard lock(mutex_);
    eventfd_t count;
    ::eventfd_read(event_fd_.get(), &count);  // fails with EAGAIN when it was clear already
    std::move(waiting_.begin(), waiting_.end(), std::back_inserter(out));
    waiting_.clear();
  }

 private:
  const UniqueFd event_fd_;
  std::mutex mutex_;
  std::vector<Completion> waiting_;  // under mutex_
};

}  // namespace ezio
