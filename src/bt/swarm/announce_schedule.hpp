// When to announce to which tracker, and what the trackers know of the swarm.
//
// Every tracker of the list is announced to; one that fails is retried with growing pauses. One of our own
// asks for reports (AnnounceReply::report_interval): it is announced to as often as it says, and asked for
// peers only when we would have announced anyway. Core file.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bt/base/types.hpp"
#include "bt/wire/announce.hpp"

namespace ezio {

class AnnounceSchedule {
 public:
  explicit AnnounceSchedule(std::uint32_t trackers) : trackers_(trackers) {}

  struct Due {
    TrackerIndex tracker;
    AnnounceEvent event;
    bool report = false;       // it wants to hear how far we are
    bool wants_peers = false;  // else it is a report alone
    bool operator==(const Due&) const = default;
  };
  // What is to be announced now. `hungry`: we lack peers, or wait for word of the last leecher, so the
  // tracker's minimum is used in place of its interval.
  std::vector<Due> due(TimePoint now, bool hungry);
  void succeeded(TrackerIndex tracker, const AnnounceReply& reply, TimePoint now);
  void failed(TrackerIndex tracker, TimePoint now);

  void completed();         // every tracker shall hear of it at once
  std::vector<Due> stop();  // the farewells: to the trackers that know us
  // After stop(): one that asked for reports only in its answer to the farewell is owed one, with the reason.
  std::optional<Due> last_word(TrackerIndex tracker, const AnnounceReply& reply);

  // Leechers left according to every tracker that answered after `since`; empty when none did or none counts.
  std::optional<std::uint32_t> leechers_since(TimePoint since) const;
  // Consecutive failures of the tracker; for the user's log.
  std::uint32_t failures(TrackerIndex tracker) const { return trackers_[tracker.value()].failures; }

 private:
  struct Tracker {
    bool started = false;
    bool waiting = false;         // for the answer to an announce
    bool asked_for_peers = true;  // by that
    bool owes_completed = false;
    bool sent_completed = false;
    std::uint32_t failures = 0;
    TimePoint next{};  // the regular announce
    std::optional<Duration> report_interval;
    TimePoint next_report{};
    bool reported_end = false;
    TimePoint soonest{};  // when hungry
    TimePoint answered{};
    std::optional<std::uint32_t> leechers;
  };
  std::vector<Tracker> trackers_;
};

}  // namespace ezio
