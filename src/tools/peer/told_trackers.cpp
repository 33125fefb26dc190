#include "tools/peer/told_trackers.hpp"

#include <algorithm>
#include <utility>

#include "bt/net/http_client.hpp"

namespace ezio {
namespace {

constexpr auto tell_patience = std::chrono::seconds(3);  // with each tracker, each time

}  // namespace

ToldTrackers::ToldTrackers(const std::vector<std::string>& trackers, std::optional<std::string> ca_file)
    : ca_file_(std::move(ca_file)) {
  for (const std::string& url : trackers) trackers_.push_back({url});
}

std::optional<AnnounceReply> ToldTrackers::ask(const Tracker& tracker, const AnnounceRequest& request,
                                               const HostReport* report) const {
  HttpLimits limits;
  limits.timeout = tell_patience;
  const HttpResult body = http_get(announce_url(tracker.url, request, report), limits, ca_file_);
  if (!body) return std::nullopt;
  auto reply = parse_announce_reply(as_bytes(*body));
  if (!reply) return std::nullopt;
  return std::move(*reply);
}

std::optional<Duration> ToldTrackers::tell(Tracker& tracker, const AnnounceRequest& request,
                                           const HostReport& report) {
  if (tracker.kind == Kind::unknown) {
    const auto reply = ask(tracker, request, nullptr);
    if (!reply) return std::nullopt;
    tracker.kind = reply->report_interval ? Kind::ours : Kind::other;
  }
  if (tracker.kind == Kind::other) return std::nullopt;
  const auto reply = ask(tracker, request, &report);
  return reply ? reply->report_interval : std::nullopt;
}

std::optional<Duration> ToldTrackers::tell(const AnnounceRequest& request, const HostReport& report) {
  std::optional<Duration> soonest;
  for (Tracker& tracker : trackers_) {
    const auto interval = tell(tracker, request, report);
    if (interval) soonest = std::min(soonest.value_or(*interval), *interval);
  }
  return soonest;
}

}  // namespace ezio
