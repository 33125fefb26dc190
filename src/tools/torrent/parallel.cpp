#include "tools/torrent/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "disk/progress_interval.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/progress.hpp"

namespace ezio {

Outcome<void> in_parallel(std::uint32_t count, unsigned threads, const std::string& label,
                          std::uint64_t total_bytes,
                          const std::function<Result<std::uint64_t>(std::uint32_t)>& work) {
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  ProgressLine line(label, total_bytes, ProgressLine::Elsewhere::lines);
  std::atomic<std::uint32_t> next{0};
  std::atomic<std::uint64_t> done_bytes{0};
  std::atomic<bool> stopped{false};
  std::mutex mutex;  // guards what follows
  std::condition_variable worker_done;
  std::optional<Error> fault;
  unsigned working = threads;
  const auto run = [&] {
    for (std::uint32_t i = 0; !stopped && (i = next++) < count;) {
      const auto done = work(i);
      if (done) {
        done_bytes += *done;
        continue;
      }
      stopped = true;
      const std::lock_guard lock(mutex);
      if (!fault) fault = done.error();
    }
    const std::lock_guard lock(mutex);
    --working;
    worker_done.notify_one();
  };
  std::vector<std::jthread> workers;
  for (unsigned i = 0; i < threads; ++i) workers.emplace_back(run);
  {
    std::unique_lock lock(mutex);
    while (!worker_done.wait_for(lock, progress_interval, [&] { return working == 0; })) {
      line.show(done_bytes);
      if (interrupted() != 0) stopped = true;
    }
  }
  workers.clear();
  if (interrupted() != 0) return failure(ExitCode::io_error, interrupt_error());
  if (fault) return failure(ExitCode::io_error, *fault);
  return {};
}

}  // namespace ezio
