#include "sim/tracker.hpp"

#include <algorithm>

#include "tracker/announce_query.hpp"
#include "tracker/announce_reply.hpp"

namespace ezio::sim {
namespace {

constexpr Duration answer_time = std::chrono::milliseconds(4);
constexpr Duration expiry_interval = std::chrono::seconds(10);
constexpr std::string_view url = "http://tracker.test/announce";

}  // namespace

Tracker::Tracker(Clock& clock, std::uint64_t seed)
    : clock_(clock), registry_(tracker::RegistryLimits{}), random_(seed) {}

bool Tracker::down() const {
  return std::any_of(outages_.begin(), outages_.end(), [&](const Outage& outage) {
    return clock_.now() >= outage.from && clock_.now() < outage.to;
  });
}

void Tracker::announce(const AnnounceRequest& request, const Endpoint& source, Answer answer) {
  clock_.after(answer_time, [this, request, source, answer = std::move(answer)] {
    answer(down() ? Error{"connection refused"} : answer_to(request, source));
  });
}

Result<AnnounceReply> Tracker::answer_to(const AnnounceRequest& request, const Endpoint& source) {
  ++seen_[static_cast<std::size_t>(request.event)];
  if (clock_.now() - last_expiry_ > expiry_interval) {
    last_expiry_ = clock_.now();
    registry_.expire(clock_.now());
  }
  const std::string asked = announce_url(url, request);
  const auto query = tracker::parse_announce_query(std::string_view(asked).substr(url.size() + 1));
  if (!query) return query.error();
  const auto outcome = registry_.announce(*query, source, clock_.now(), random_);
  const std::string body = outcome ? tracker::encode_announce_reply(*outcome, query->compact, false)
                                   : tracker::encode_failure(outcome.error().message);
  return parse_announce_reply(as_bytes(body));
}

}  // namespace ezio::sim
