#include "tools/peer/last_reports.hpp"

#include <algorithm>
#include <utility>

namespace ezio {
namespace {

constexpr Duration until_the_first = std::chrono::seconds(1);
constexpr Duration usual_interval = std::chrono::seconds(5);

}  // namespace

void LastReports::begin(std::size_t id, AnnounceRequest farewell, HostReport report,
                        const std::vector<std::string>& trackers) {
  const std::lock_guard lock(mutex_);
  clones_.push_back(std::make_unique<Clone>(
      Clone{id, std::move(farewell), std::move(report), ToldTrackers(trackers, ca_file_)}));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void LastReports::change(std::size_t id, const HostReport& report) {
  const std::lock_guard lock(mutex_);
  for (const auto& clone : clones_) {
    if (clone->id == id) clone->report = report;
  }
}

void LastReports::end(bool with_a_word) {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    silent_ = !with_a_word;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LastReports::run() {
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    last = wake_.wait_for(lock, interval_.value_or(until_the_first), [this] { return over_; });
    if (last && silent_) return;
    tell_all(lock);
  }
}

void LastReports::tell_all(std::unique_lock<std::mutex>& lock) {
  interval_ = usual_interval;
  for (std::size_t i = 0; i < clones_.size(); ++i) {
    Clone& clone = *clones_[i];
    const HostReport report = clone.report;
    lock.unlock();
    const auto wanted = clone.trackers.tell(clone.farewell, report);
    lock.lock();
    if (wanted) interval_ = std::min(*interval_, *wanted);
  }
}

}  // namespace ezio
