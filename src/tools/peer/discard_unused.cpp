#include "tools/peer/discard_unused.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "bt/base/printable.hpp"
#include "disk/disk_engine.hpp"
#include "tools/common/progress.hpp"
#include "tools/common/supervise.hpp"

namespace ezio {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds look_every{100};

// One target's, in a thread that nobody waits for.
class DiscardRun {
 public:
  explicit DiscardRun(std::shared_ptr<const UnusedSpace> unused) {
    std::packaged_task<std::string()> task([unused = std::move(unused), shared = shared_] {
      return unused->discard([&](std::uint64_t bytes) {
        shared->bytes_done = bytes;
        return !shared->given_up;
      });
    });
    result_ = task.get_future();
    std::thread(std::move(task)).detach();
  }

  std::uint64_t bytes_done() const { return shared_->bytes_done; }
  void wait(std::chrono::milliseconds time) const { result_.wait_for(time); }
  // What came of it, once it is over or nothing has moved for so long.
  std::optional<std::string> look(Clock::time_point now, std::chrono::seconds patience) {
    if (result_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) return result_.get();
    const std::uint64_t bytes = bytes_done();
    if (std::exchange(seen_, bytes) != bytes) moved_at_ = now;
    if (patience.count() == 0 || now - moved_at_ <= patience) return std::nullopt;
    shared_->given_up = true;
    announce_hang();
    return fmt::format("the device has not answered for {} s: its unused blocks are left alone",
                       patience.count());
  }

 private:
  struct Shared {
    std::atomic<std::uint64_t> bytes_done{0};
    std::atomic<bool> given_up{false};
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::future<std::string> result_;
  std::uint64_t seen_ = 0;
  Clock::time_point moved_at_ = Clock::now();
};

struct Pending {
  std::string name;
  DiscardRun run;
};

}  // namespace

void discard_unused(const std::vector<PeerJob>& jobs, std::chrono::seconds io_timeout, PeerReport& report) {
  std::vector<Pending> pending;
  std::uint64_t total = 0;
  for (const PeerJob& job : jobs) {
    if (job.failure || job.unused == nullptr) continue;
    total += job.unused->bytes();
    const std::string target = printable(job.pair.path, 4096);
    pending.push_back({fmt::format("{}: {}", printable(job.metainfo.name), target), DiscardRun(job.unused)});
  }
  if (pending.empty()) return;
  ProgressLine line("discarding unused blocks", std::max<std::uint64_t>(total, 1));
  const std::chrono::seconds patience = io_timeout * DiskEngine::flush_patience;
  std::uint64_t over = 0;
  while (!pending.empty()) {
    pending.front().run.wait(look_every);
    std::uint64_t under_way = 0;
    std::erase_if(pending, [&](Pending& one) {
      const auto end = one.run.look(Clock::now(), patience);
      (end ? over : under_way) += one.run.bytes_done();
      if (end) report.say(fmt::format("{}: {}", one.name, *end));
      return end.has_value();
    });
    line.show(over + under_way);
  }
}

}  // namespace ezio
