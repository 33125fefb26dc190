// The real tracker's core behind a delay instead of HTTP: announces go through the query and reply texts.
#pragma once

#include <functional>
#include <vector>

#include "bt/wire/announce.hpp"
#include "sim/clock.hpp"
#include "tracker/registry.hpp"

namespace ezio::sim {

class Tracker {
 public:
  using Answer = std::function<void(Result<AnnounceReply>)>;

  Tracker(Clock& clock, std::uint64_t seed);

  void announce(const AnnounceRequest& request, const Endpoint& source, Answer answer);

  void down_between(TimePoint from, TimePoint to) { outages_.push_back({from, to}); }
  std::uint32_t seen(AnnounceEvent event) const { return seen_[static_cast<std::size_t>(event)]; }

 private:
  struct Outage {
    TimePoint from;
    TimePoint to;
  };

  Result<AnnounceReply> answer_to(const AnnounceRequest& request, const Endpoint& source);
  bool down() const;

  Clock& clock_;
  tracker::Registry registry_;
  tracker::Random random_;
  TimePoint last_expiry_{};
  std::vector<Outage> outages_;
  std::array<std::uint32_t, 4> seen_{};  // by AnnounceEvent
};

}  // namespace ezio::sim
