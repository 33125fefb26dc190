// The disk engine behind make_disk_engine: queues in front of the ring or the threads, and the storages.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "disk/disk_engine.hpp"
#include "disk/io_executor.hpp"
#include "disk/op_queue.hpp"
#include "disk/unique_fd.hpp"
#include "disk/uring.hpp"

namespace ezio {

// All bounce buffers of a storage together; the memory is only touched where alignment demands bouncing.
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

// One storage's queue and the executor that empties it.
class IoLane {
 public:
  IoLane(unsigned depth, std::unique_ptr<PageMemory> bounce, std::unique_ptr<IoExecutor> executor);

  OpQueue& queue() { return queue_; }
  const IoExecutor& executor() const { return *executor_; }
  void start_queued();                         // as many as the depth allows
  void drain(std::vector<IoCompletion>& out);  // takes what has ended, starts what that made room for
  void close(IoFile& file);                    // waits for what it has in flight, unless it hangs
  // See DiskEngine::find_hung.
  std::optional<HungStorage> find_hung(std::uint64_t owner, TimePoint now, Duration timeout);
  bool hangs() const { return hangs_; }

 private:
  void reap();

  std::unique_ptr<PageMemory> bounce_;
  OpQueue queue_;
  std::unique_ptr<IoExecutor> executor_;
  std::vector<ActiveOp*> over_;
  bool moved_ = true;     // something ended, or nothing was in flight, since it was looked at
  TimePoint moved_at_{};  // when that was seen last
  bool hangs_ = false;
};

class EngineStorage;

// Outlives its storages.
class Engine final : public DiskEngine {
 public:
  static Result<std::unique_ptr<Engine>> create(const DiskOptions& options);
  ~Engine() override;

  int event_fd() const override;
  void submit() override;
  void drain(std::vector<IoCompletion>& out) override;
  std::vector<HungStorage> find_hung(TimePoint now, Duration timeout) override;
  std::string description() const override;

  // Throws std::system_error when it needs threads and they cannot be made.
  std::unique_ptr<Storage> open(std::unique_ptr<IoFile> file);
  void forget(EngineStorage& storage);  // it is being destroyed

 private:
  Engine() = default;
  Result<void> set_up(const DiskOptions& options);
  std::unique_ptr<IoLane> make_lane(const IoFile& file);
  std::unique_ptr<IoLane> make_ring_lane(bool direct);

  UniqueFd event_fd_;
  unsigned depth_ = 1;
  MutableBytes arena_;
  std::unique_ptr<Ring> ring_;  // for the first storage: that io_uring is to be had has been tried
  bool uses_uring_ = false;
  std::string why_not_uring_;
  std::vector<EngineStorage*> storages_;
};

}  // namespace ezio
