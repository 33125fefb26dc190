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

// A storage whose device does not answer.
struct HungStorage {
  std::uint64_t owner = 0;          // the value that Storage was opened with
  std::uint64_t device_offset = 0;  // of something that is in flight
  bool flushing = false;            // and that is a flush
};

// Each storage has a queue of its own, so that a device that is slow, or hangs, holds up nobody else.
class DiskEngine {
 public:
  virtual ~DiskEngine() = default;   // after its storages; those that hang are left as they are
  virtual int event_fd() const = 0;  // readable when completions wait; drain() clears it
  virtual void submit() = 0;         // starts what was queued; never blocks for the disk
  virtual void drain(std::vector<IoCompletion>& out) = 0;  // appends
  // The storages that have something in flight of which nothing has ended for so long (a flush may take
  // flush_patience times that), each told once. Call every now and then: only what is seen counts. From then
  // on those of its requests that the kernel has never complete, and destroying it does not wait for them:
  // their memory stays the kernel's. The others complete with ECANCELED.
  virtual std::vector<HungStorage> find_hung(TimePoint now, Duration timeout) = 0;
  static constexpr int flush_patience = 10;
  virtual std::string description() const = 0;  // which backend, and why not io_uring where it is not
};

struct DiskOptions {
  enum class Backend { automatic, uring, threads };
  Backend backend = Backend::automatic;  // automatic: io_uring where the kernel lets us, else threads
  MutableBytes arena;  // registered with the ring for direct I/O where RLIMIT_MEMLOCK allows it
  static constexpr unsigned usual_queue_depth = 64;
  unsigned queue_depth =
      usual_queue_depth;  // requests of a storage in the kernel at once; more are queued behind them
};
// Never fails for want of io_uring: falls back to threads and says so in description(). Errors are for
// Backend::uring demanded and not available, or for no threads or eventfd.
Result<std::unique_ptr<DiskEngine>> make_disk_engine(const DiskOptions& options);

}  // namespace ezio
