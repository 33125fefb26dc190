#include "tracker/host_book.hpp"

#include <algorithm>
#include <utility>

namespace ezio::tracker {

namespace {

constexpr Duration name_may_follow = std::chrono::seconds(3);

}  // namespace

HostTable& HostBook::table_of(const InfoHash& info_hash) {
  const auto found = tables_.find(info_hash);
  if (found != tables_.end()) return found->second;
  const auto gone = [this, info_hash](const Host& host) {
    ++change_;
    report_bytes_ -= host.counted_bytes;
    removals_.complete &= removals_.hosts.size() < max_removals;
    if (removals_.complete) removals_.hosts.push_back({info_hash, host.id});
  };
  return tables_.try_emplace(info_hash, limits_, counts_, seed_, gone).first->second;
}

Host* HostBook::enter(HostTable& table, const AnnounceQuery& query, const Endpoint& endpoint, TimePoint now,
                      std::mt19937_64& random) {
  Host host;
  host.id = random();
  host.peer_id = query.peer_id;
  host.key = query.key;
  host.addresses = {endpoint};
  host.first_seen = host.last_seen = now;
  return table.add(std::move(host));
}

void HostBook::take(const AnnounceQuery& query, const Endpoint& endpoint, const HostReport* report,
                    TimePoint now, std::mt19937_64& random) {
  const bool stops = query.event == AnnounceEvent::stopped;
  const auto known = tables_.find(query.info_hash);
  Host* host = known == tables_.end() ? nullptr : known->second.find(query.peer_id, query.key);
  // One that leaves before it was ever here is worth a line only if it says how that came.
  const auto is_news = [](HostState state) {
    return state == HostState::failed || state == HostState::finishing || state == HostState::done;
  };
  if (!host && stops && !(report && is_news(report->state))) return;
  HostTable& table = table_of(query.info_hash);
  const bool is_first_report = report && (!host || !host->reports);
  const bool is_new = !host;
  if (is_new) host = enter(table, query, endpoint, now, random);
  if (!host) return;
  const Endpoint address = host->address();
  const auto shorter = report ? shortened(*report, *host) : std::nullopt;
  const auto event = take_announce(*host, query, endpoint, shorter ? &*shorter : report, silence_, now);
  count_report(*host);
  table.moved(address, host->address());
  host->change = ++change_;
  if (is_new || is_first_report) forget_predecessor(table, *host, report);
  if (report || event) introduce(query.info_hash, *host);
  if (event) tell(*event, query.info_hash, *host);
  if (event == HostEvent::left) table.remove(*host);
}

void HostBook::count_report(Host& host) {
  report_bytes_ -= host.counted_bytes;
  host.counted_bytes = text_bytes(host.report);
  report_bytes_ += host.counted_bytes;
}

// Empty where there is room for all of it.
std::optional<HostReport> HostBook::shortened(const HostReport& report, const Host& host) const {
  const std::size_t others = report_bytes_ - host.counted_bytes;
  if (others + text_bytes(report) <= limits_.report_bytes) return std::nullopt;
  HostReport out = report;
  shorten(out, limits_.short_report_bytes);
  return out;
}

void HostBook::tell(HostEvent event, const InfoHash& info_hash, Host& host) {
  host.change = ++change_;
  if (listener_) listener_(event, info_hash, host);
}

// Once, and before anything else is told of it. One of ours has a name when it has reported, which it does
// soon.
void HostBook::introduce(const InfoHash& info_hash, Host& host) {
  if (!std::exchange(host.introduced, true)) tell(HostEvent::joined, info_hash, host);
}

// The same job's earlier run, if that is over.
void HostBook::forget_predecessor(HostTable& table, const Host& host, const HostReport* report) {
  for (auto other = table.hosts().begin(); other != table.hosts().end();) {
    const Host& before = *other++;
    if (&before != &host && before.is_over() && is_same_job(before, report, host.address()))
      table.remove(before);
  }
}

bool HostBook::has_successor(const HostTable& table, const Host& host) const {
  const HostReport* report = host.reports ? &host.report : nullptr;
  return std::ranges::any_of(table.hosts(), [&](const Host& other) {
    return &other != &host && !other.is_over() && other.first_seen > host.first_seen &&
           is_same_job(other, report, host.address());
  });
}

void HostBook::tick(TimePoint now) {
  for (auto& [info_hash, table] : tables_) pass_time(info_hash, table, now);
  std::erase_if(tables_, [](const auto& item) { return item.second.hosts().empty(); });
}

void HostBook::pass_time(const InfoHash& info_hash, HostTable& table, TimePoint now) {
  double rate = 0;
  for (auto place = table.hosts().begin(); place != table.hosts().end();) {
    Host& host = *place++;
    const bool was_over = host.is_over();
    const auto event = tracker::pass_time(host, silence_, now);
    if (!was_over && host.is_over()) host.change = ++change_;
    if (host.lost && !was_over && has_successor(table, host)) {
      table.remove(host);
      continue;
    }
    if (event || now - host.first_seen >= name_may_follow) introduce(info_hash, host);
    if (event) tell(*event, info_hash, host);
    if (!host.is_over()) rate += static_cast<double>(host.report.down);
  }
  // From the first byte until nothing comes any more.
  if (rate > 0 || (!table.curve.points().empty() && table.curve.points().back().rate > 0))
    table.curve.add(now, rate);
}

void HostBook::keep_only(const std::unordered_set<InfoHash>& allowed) {
  for (auto& [info_hash, table] : tables_) {
    if (allowed.contains(info_hash)) continue;
    while (!table.hosts().empty()) table.remove(table.hosts().front());
  }
  std::erase_if(tables_, [](const auto& item) { return item.second.hosts().empty(); });
}

void HostBook::restore(const InfoHash& info_hash, Host host) {
  host.change = ++change_;
  if (report_bytes_ + text_bytes(host.report) > limits_.report_bytes) {
    shorten(host.report, limits_.short_report_bytes);
  }
  host.counted_bytes = 0;
  if (Host* added = table_of(info_hash).add(std::move(host))) count_report(*added);
}

HostBook::Removals HostBook::take_removals() {
  return std::exchange(removals_, {});
}

}  // namespace ezio::tracker
