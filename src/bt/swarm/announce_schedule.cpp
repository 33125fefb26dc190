#include "bt/swarm/announce_schedule.hpp"

#include <algorithm>
#include <utility>

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr Duration default_minimum = 15s;  // where a tracker names no min interval
constexpr Duration first_retry = 2s;
constexpr Duration longest_retry = 60s;

}  // namespace

std::vector<AnnounceSchedule::Due> AnnounceSchedule::due(TimePoint now, bool hungry) {
  std::vector<Due> result;
  for (std::uint32_t i = 0; i < trackers_.size(); ++i) {
    Tracker& tracker = trackers_[i];
    const bool urgent = tracker.owes_completed && tracker.started && tracker.failures == 0;
    const bool wants_peers = now >= (hungry ? tracker.soonest : tracker.next);
    const bool owes_report = tracker.report_interval && tracker.failures == 0 && now >= tracker.next_report;
    if (tracker.waiting || !(urgent || wants_peers || owes_report)) continue;
    AnnounceEvent event = AnnounceEvent::none;
    if (!tracker.started) {
      event = AnnounceEvent::started;
    } else if (tracker.owes_completed) {
      event = AnnounceEvent::completed;
    }
    tracker.waiting = true;
    tracker.sent_completed = event == AnnounceEvent::completed;
    result.push_back({TrackerIndex{i}, event, tracker.report_interval.has_value(), wants_peers});
    tracker.asked_for_peers = wants_peers;
  }
  return result;
}

void AnnounceSchedule::succeeded(TrackerIndex index, const AnnounceReply& reply, TimePoint now) {
  Tracker& tracker = trackers_[index.value()];
  tracker.waiting = false;
  tracker.started = true;
  if (tracker.sent_completed) tracker.owes_completed = false;
  tracker.failures = 0;
  tracker.answered = now;
  tracker.leechers = reply.leechers;
  // The first report follows the announce by which it was asked for.
  const bool has_reported = std::exchange(tracker.report_interval, reply.report_interval).has_value();
  tracker.next_report = has_reported && reply.report_interval ? now + *reply.report_interval : now;
  if (!tracker.asked_for_peers) return;
  const Duration minimum = reply.min_interval.count() > 0 ? reply.min_interval : default_minimum;
  tracker.next = now + std::max(reply.interval, Duration{1s});
  tracker.soonest = std::min(tracker.next, now + minimum);
}

void AnnounceSchedule::failed(TrackerIndex index, TimePoint now) {
  Tracker& tracker = trackers_[index.value()];
  tracker.waiting = false;
  const Duration wait = std::min(first_retry * (1 << std::min(tracker.failures, 5u)), longest_retry);
  ++tracker.failures;
  tracker.next = tracker.soonest = now + wait;
  tracker.leechers.reset();
}

void AnnounceSchedule::completed() {
  for (Tracker& tracker : trackers_) tracker.owes_completed = true;
}

std::vector<AnnounceSchedule::Due> AnnounceSchedule::stop() {
  std::vector<Due> result;
  for (std::uint32_t i = 0; i < trackers_.size(); ++i) {
    // One that is being asked right now may come to know us: it is told as well.
    if (trackers_[i].started || trackers_[i].waiting) {
      const bool report = trackers_[i].report_interval.has_value();
      trackers_[i].reported_end = report;
      result.push_back({TrackerIndex{i}, AnnounceEvent::stopped, report, false});
    }
  }
  return result;
}

std::optional<AnnounceSchedule::Due> AnnounceSchedule::last_word(TrackerIndex index,
                                                                 const AnnounceReply& reply) {
  Tracker& tracker = trackers_[index.value()];
  if (!reply.report_interval || std::exchange(tracker.reported_end, true)) return std::nullopt;
  return Due{index, AnnounceEvent::stopped, true, false};
}

std::optional<std::uint32_t> AnnounceSchedule::leechers_since(TimePoint since) const {
  std::optional<std::uint32_t> most;
  for (const Tracker& tracker : trackers_) {
    if (!tracker.leechers || tracker.answered < since) continue;
    most = std::max(most.value_or(0), *tracker.leechers);
  }
  return most;
}

}  // namespace ezio
