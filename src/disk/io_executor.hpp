// What carries out the operations that an OpQueue hands out: a ring or threads.
#pragma once

#include <string>
#include <vector>

#include "disk/op_queue.hpp"

namespace ezio {

// Used by the event loop's thread. Operations that end make the event descriptor it was built with readable.
class IoExecutor {
 public:
  virtual ~IoExecutor() = default;  // only with nothing started and not reaped

  virtual void start(ActiveOp& op) = 0;  // remembers it; no more at once than the depth it was built with
  virtual void kick() = 0;               // hands what was started to the kernel or to threads
  virtual void reap(std::vector<ActiveOp*>& over) = 0;  // appends what has ended; never blocks
  virtual void wait() = 0;  // blocks until reap() has something; only with something started and kicked

  virtual std::string name() const = 0;  // "io_uring"
};

}  // namespace ezio
