// What trackers hear of clones that are finished with serving and not yet done: that their last works are
// pending or under way, again and again, and at the end how those ended.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tools/peer/told_trackers.hpp"

namespace ezio {

// Any thread; tells from one of its own.
class LastReports {
 public:
  explicit LastReports(std::optional<std::string> ca_file) : ca_file_(std::move(ca_file)) {}
  // Tells nothing any more.
  ~LastReports() { end(false); }

  // Of one torrent, whose trackers have just been told by the session. `id` is the caller's.
  void begin(std::size_t id, AnnounceRequest farewell, HostReport report,
             const std::vector<std::string>& trackers);
  void change(std::size_t id, const HostReport& report);
  // Tells everything as it is now, for good. Waits for the trackers, a few seconds with each.
  void finish() { end(true); }

 private:
  struct Clone {
    std::size_t id;
    AnnounceRequest farewell;
    HostReport report;
    ToldTrackers trackers;  // of the thread
  };
  void end(bool with_a_word);
  void run();
  void tell_all(std::unique_lock<std::mutex>& lock);

  std::optional<std::string> ca_file_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Clone>> clones_;
  std::optional<Duration> interval_;
  bool over_ = false;
  bool silent_ = false;
  std::thread thread_;
};

}  // namespace ezio
