// A thin io_uring(7): submit and complete, nothing else. One thread; no kernel polling thread.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/op_run.hpp"

namespace ezio {

class Ring {
 public:
  // An iovec of io_uring_register_buffers(3) holds no more than this.
  static constexpr std::size_t max_registered_bytes = std::size_t{1} << 30;

  // A ring for `entries` transfers at once that signals event_fd. An Error where the kernel has no io_uring
  // or lets us have none (kernel.io_uring_disabled, seccomp).
  static Result<std::unique_ptr<Ring>> create(unsigned entries, int event_fd);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // The regions become registered buffers where RLIMIT_MEMLOCK allows it: direct transfers inside them are
  // not pinned page by page each time. All their memory is committed at once. At most one call.
  void register_buffers(std::span<const MutableBytes> regions);

  // Queues one transfer; `user` comes back with its result. At most `entries` between queue() and completion.
  // What cannot be submitted without waiting is done by kernel threads, of which all rings of a thread share
  // so many (io_uring_register_iowq_max_workers(3)). Without effect before Linux 5.15.
  void allow_workers(unsigned workers);
  void queue(const Transfer& transfer, int fd, void* user);

  // Hands all queued transfers to the kernel in one call. False when it has no memory for them just now: call
  // again later. Throws std::system_error when the ring itself is broken.
  bool submit();

  struct Completion {
    void* user = nullptr;
    std::int64_t result = 0;  // bytes or a negated errno
  };
  bool next_completion(Completion& completion);  // false: none there
  void wait();                                   // until there is one

 private:
  Ring() = default;
  Result<void> set_up(unsigned entries, int event_fd);
  int registered_index(const Transfer& transfer) const;  // -1: not in one registered buffer

  io_uring ring_{};
  bool ready_ = false;
  std::vector<iovec> registered_;
};

}  // namespace ezio
