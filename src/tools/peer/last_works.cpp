#include "tools/peer/last_works.hpp"

#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "bt/base/hex.hpp"
#include "tools/common/run_command.hpp"
#include "tools/peer/grow_target.hpp"
#include "tools/peer/host_status.hpp"

namespace ezio {
namespace {

using Clock = std::chrono::steady_clock;

// What the works' thread wants done by the one that waits for it.
class Calls {
 public:
  void post(std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
    ready_.notify_one();
  }
  std::function<void()> take(Clock::time_point until) {
    std::unique_lock lock(mutex_);
    if (!ready_.wait_until(lock, until, [this] { return !calls_.empty(); })) return {};
    auto call = std::move(calls_.front());
    calls_.pop_front();
    return call;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> calls_;
};

// udev, where it runs, reads the table of a disk that was written, and takes its partitions away meanwhile.
void let_udev_settle() {
  if (::access("/run/udev/control", F_OK) != 0) return;
  static_cast<void>(run_command({"udevadm", "settle", "--timeout=10"}, {}, [](const std::string&) {}));
}

class Worker {
 public:
  Worker(Calls& calls, const LastWorksListener& listener) : calls_(calls), listener_(listener) {}

  std::string run(const LastWork& work) const try {
    if (work.grow) {
      const auto say = [&](const std::string& text) {
        calls_.post([this, job = work.job, text] { listener_.on_note(job, text); });
      };
      if (auto done = grow_target(work.target, say); !done) return "--grow: " + done.error().message;
    }
    return work.command.empty() ? "" : run_on_complete(work);
  } catch (const std::exception& error) {
    return error.what();
  }

 private:
  std::string run_on_complete(const LastWork& work) const {
    let_udev_settle();
    const auto print = [&](const std::string& line) {
      calls_.post([this, line] { listener_.on_output(line); });
    };
    const auto end = run_command(work.command, work.facts, print);
    if (!end) return "--on-complete: " + end.error().message;
    const std::string failure = failure_text(*end);
    return failure.empty() ? "" : "--on-complete: " + work.command[0] + " " + failure;
  }

  Calls& calls_;
  const LastWorksListener& listener_;
};

}  // namespace

bool has_last_works(const PeerOptions& options) {
  return options.grow || !options.on_complete.empty();
}

LastWork last_work_of(std::size_t number, const PeerJob& job, const PeerOptions& options) {
  const DiskIdentity& disk = job.description.disk;
  return {number,
          job.pair.path,
          options.grow,
          options.on_complete,
          {{"EZIO_TARGET", job.pair.path},
           {"EZIO_NAME", job.metainfo.name},
           {"EZIO_INFO_HASH", to_hex(job.metainfo.info_hash)},
           {"EZIO_BYTES", std::to_string(job.metainfo.total_length)},
           {"EZIO_HOST", host_report_of_this_host().host},
           {"EZIO_DISK_MODEL", disk.model},
           {"EZIO_DISK_SERIAL", disk.serial},
           {"EZIO_DISK_WWN", disk.wwn}}};
}

void do_last_works(const std::vector<LastWork>& works, const LastWorksListener& listener) {
  Calls calls;
  bool over = false;
  const std::jthread thread([&] {
    const Worker worker(calls, listener);
    for (const LastWork& work : works) {
      calls.post([&, job = work.job, error = worker.run(work)] { listener.on_ended(job, error); });
    }
    calls.post([&] { over = true; });
  });
  auto next = Clock::now();
  while (!over) {
    if (const auto call = calls.take(next)) {
      call();
    } else {
      listener.on_second();
      next = Clock::now() + std::chrono::seconds(1);
    }
  }
}

}  // namespace ezio
