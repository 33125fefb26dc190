// The engine that runs the I/O of all storages of a process: io_uring, or threads where that is refused.
//
// Nothing here calls back: requests are queued by the storages, submit() hands them to the kernel or to
// threads, completions are drained when event_fd() becomes readable. One thread, the event loop's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/swarm/storage.hpp"

namespace ezio {

class DiskEngine {
 public:
  virtual ~DiskEngine() = default;
  virtual int event_fd() const = 0;  // readable when completions wait; drain() clears it
  virtual void submit() = 0;         // starts what was queued; never blocks for the disk
  virtual void drain(std::vector<IoCompletion>& out) = 0;  // appends
  virtual std::string description() const = 0;  // which backend, and why not io_uring where it is not
};

struct DiskOptions {
  enum class Backend { automatic, uring, threads };
  Backend backend = Backend::automatic;  // automatic: io_uring where the kernel lets us, else threads
  MutableBytes arena;         // registered with the ring for direct I/O where RLIMIT_MEMLOCK allows it
  unsigned queue_depth = 64;  // requests in the kernel at once; more are queued behind them
};
// Never fails for want of io_uring: falls back to threads and says so in description(). Errors are for
// Backend::uring demanded and not available, or for no threads or eventfd.
Result<std::unique_ptr<DiskEngine>> make_disk_engine(const DiskOptions& options);

}  // namespace ezio
