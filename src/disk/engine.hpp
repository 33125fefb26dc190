// The disk engine behind make_disk_engine: queues in front of the ring or the threads, and the storages.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "disk/disk_engine.hpp"
#include "disk/io_executor.hpp"
#include "disk/op_queue.hpp"
#include "disk/unique_fd.hpp"
#include "disk/uring.hpp"

namespace ezio {

// All bounce buffers of one lane together; the memory is only touched where alignment demands bouncing.
inline constexpr std::size_t bounce_pool_bytes = 64 * std::size_t{bounce_bytes};
inline constexpr unsigned io_threads = 8;
inline constexpr unsigned max_queue_depth = 4096;

// Page-aligned anonymous memory. Throws std::bad_alloc.
class PageMemory {
 public:
  explicit PageMemory(std::size_t bytes);
  ~PageMemory();
  PageMemory(const PageMemory&) = delete;
  PageMemory& operator=(const PageMemory&) = delete;
  MutableBytes bytes() const { return bytes_; }

 private:
  MutableBytes bytes_;
};

// A queue and the executor that empties it.
class IoLane {
 public:
  IoLane(unsigned depth, std::unique_ptr<PageMemory> bounce, std::unique_ptr<IoExecutor> executor);

  OpQueue& queue() { return queue_; }
  const IoExecutor& executor() const { return *executor_; }
  void start_queued();                         // as many as the depth allows
  void drain(std::vector<IoCompletion>& out);  // takes what has ended, starts what that made room for
  void close(IoFile& file);                    // waits for what it has in flight

 private:
  void reap();

  std::unique_ptr<PageMemory> bounce_;
  OpQueue queue_;
  std::unique_ptr<IoExecutor> executor_;
  std::vector<ActiveOp*> over_;
};

// Outlives its storages.
class Engine final : public DiskEngine {
 public:
  static Result<std::unique_ptr<Engine>> create(const DiskOptions& options);
  ~Engine() override;

  int event_fd() const override;
  void submit() override;
  void drain(std::vector<IoCompletion>& out) override;
  std::string description() const override;

  // Throws std::system_error when it needs threads and they cannot be made.
  std::unique_ptr<Storage> open(std::unique_ptr<IoFile> file);

 private:
  Engine() = default;
  Result<void> set_up(const DiskOptions& options);
  std::unique_ptr<IoLane> make_thread_lane();

  UniqueFd event_fd_;
  Ring* ring_ = nullptr;                 // of ring_lane_
  std::vector<MutableBytes> regions_;    // to be registered with it before the first direct transfer
  std::unique_ptr<IoLane> ring_lane_;    // null where io_uring is not used
  std::unique_ptr<IoLane> thread_lane_;  // null until needed
  std::string why_not_uring_;
};

}  // namespace ezio
