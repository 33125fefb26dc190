#include "tracker/host_life.hpp"

#include <algorithm>
#include <array>

#include "tracker/address_block.hpp"

namespace ezio::tracker {

namespace {

constexpr std::string_view stopped_early = "stopped before it was done";

void note_address(Host& host, const Endpoint& endpoint) {
  auto& addresses = host.addresses;
  const auto same = [&](const Endpoint& known) { return host_block(known) == host_block(endpoint); };
  std::erase_if(addresses, same);
  addresses.insert(addresses.begin(), endpoint);
  if (addresses.size() > max_host_addresses) addresses.pop_back();
}

// Of one that does not report, by its bytes.
std::uint64_t bytes_per_second(std::uint64_t before, std::uint64_t now, Duration passed) {
  const double seconds = std::chrono::duration<double>(passed).count();
  if (now < before || seconds < 0.5) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(now - before) / seconds);
}

void make_up_report(Host& host, const AnnounceQuery& query, TimePoint now) {
  host.report.down = bytes_per_second(host.downloaded, query.downloaded, now - host.last_seen);
  host.report.up = bytes_per_second(host.uploaded, query.uploaded, now - host.last_seen);
  host.report.error.clear();
  const HostState complete = host.leecher ? HostState::done : HostState::seeding;
  host.report.state = query.left > 0 ? HostState::leeching : complete;
}

void take_report(Host& host, const HostReport& report) {
  host.reports = true;
  host.report = report;
  host.leecher |= report.state == HostState::leeching || report.state == HostState::verifying ||
                  report.state == HostState::finishing || report.state == HostState::done;
}

void fail_early(Host& host) {
  host.report.state = HostState::failed;
  if (host.reason().empty()) host.report.error = stopped_early;
}

// After a stop. What it said, if it said it now, is why.
std::optional<HostEvent> stop(Host& host, bool has_reason, const Silence& silence, TimePoint now) {
  host.report.down = host.report.up = 0;
  if (host.is_decided()) {
    host.ended = true;
    return std::nullopt;
  }
  if (!host.leecher) return HostEvent::left;
  if (host.state() == HostState::finishing) return std::nullopt;  // it will say how that ended
  if (has_reason) {
    fail_early(host);
    host.ended = true;
  } else {
    host.leaves = now + silence.reason_may_follow;
  }
  return std::nullopt;
}

// What a change of state amounts to.
std::optional<HostEvent> settle(Host& host, bool was_decided, HostState before, TimePoint now) {
  if (!host.is_decided()) {
    host.finished.reset();
    return std::nullopt;
  }
  if (was_decided && host.state() == before) return std::nullopt;
  host.finished = now;
  return host.state() == HostState::done ? HostEvent::done : HostEvent::failed;
}

}  // namespace

std::string_view to_string(HostEvent event) {
  constexpr std::array<std::string_view, 6> names = {"joined", "done", "failed", "lost", "returned", "left"};
  return names[static_cast<std::size_t>(event)];
}

std::optional<HostEvent> take_announce(Host& host, const AnnounceQuery& query, const Endpoint& endpoint,
                                       const HostReport* report, const Silence& silence, TimePoint now) {
  const bool was_decided = host.is_decided();
  const bool was_lost = host.lost;
  const HostState before = host.state();
  host.leecher |= query.left > 0;
  if (report) {
    take_report(host, *report);
  } else if (!host.reports) {
    make_up_report(host, query, now);
  }
  note_address(host, endpoint);
  host.uploaded = query.uploaded;
  host.downloaded = query.downloaded;
  host.left = query.left;
  host.last_seen = now;
  host.lost = host.ended = false;
  host.leaves.reset();
  std::optional<HostEvent> event;
  if (query.event == AnnounceEvent::stopped) event = stop(host, report != nullptr, silence, now);
  if (event) return event;
  event = settle(host, was_decided, before, now);
  return event || !was_lost ? event : HostEvent::returned;
}

std::optional<HostEvent> pass_time(Host& host, const Silence& silence, TimePoint now) {
  if (host.is_over()) return std::nullopt;
  const bool is_silent = now - host.last_seen > (host.reports ? silence.reporting : silence.others);
  const bool has_left = host.leaves && now >= *host.leaves;
  if (!is_silent && !has_left) return std::nullopt;
  host.leaves.reset();
  host.report.down = host.report.up = 0;
  if (has_left) {
    fail_early(host);
    host.finished = now;
  }
  if (host.is_decided()) {
    host.ended = true;
    return has_left ? std::optional(HostEvent::failed) : std::nullopt;
  }
  host.lost = true;
  return HostEvent::lost;
}

bool is_same_job(const Host& host, const HostReport* report, const Endpoint& endpoint) {
  if (host_block(host.address()) != host_block(endpoint)) return false;
  if (!report || !host.reports) return !report && !host.reports && host.address().port == endpoint.port;
  const auto first_target = [](const HostReport& of) { return of.targets.empty() ? "" : of.targets[0].path; };
  return host.report.host == report->host && first_target(host.report) == first_target(*report);
}

}  // namespace ezio::tracker
