#include "bt/swarm/candidates.hpp"

#include <algorithm>

namespace ezio {
namespace {

constexpr std::uint32_t max_failures = 6;
constexpr std::chrono::seconds first_reconnect{1};
constexpr std::chrono::seconds longest_reconnect{30};

}  // namespace

void Candidates::add(const Endpoint& endpoint, bool permanent) {
  auto found = entries_.find(endpoint);
  if (found == entries_.end()) {
    if (entries_.size() >= max_entries && !permanent) return;
    entries_.emplace(endpoint, Entry{permanent});
    due_at({});
    return;
  }
  found->second.permanent |= permanent;
  due_at(found->second.next_try);
  if (found->second.failures >= max_failures) found->second.failures = max_failures - 1;
}

bool Candidates::usable(const Entry& entry) {
  return !entry.busy && !entry.barred && (entry.failures < max_failures || entry.permanent);
}

std::optional<Endpoint> Candidates::next(TimePoint now) {
  if (now < none_before_) return std::nullopt;
  // Reservoir sampling: every due entry is equally likely, in one pass.
  std::uint64_t seen = 0;
  auto chosen = entries_.end();
  TimePoint soonest = TimePoint::max();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    const Entry& e = entry->second;
    if (!usable(e)) continue;
    soonest = std::min(soonest, e.next_try);
    if (e.next_try > now) continue;
    if (std::uniform_int_distribution<std::uint64_t>(0, seen++)(random_) == 0) chosen = entry;
  }
  none_before_ = soonest;
  if (chosen == entries_.end()) return std::nullopt;
  chosen->second.busy = true;
  return chosen->first;
}

void Candidates::in_use(const Endpoint& endpoint) {
  add(endpoint, false);
  auto found = entries_.find(endpoint);
  if (found != entries_.end()) found->second.busy = true;
}

void Candidates::failed(const Endpoint& endpoint, TimePoint now) {
  auto found = entries_.find(endpoint);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  entry.busy = false;
  const auto wait = std::min(first_reconnect * (1u << std::min(entry.failures, 5u)), longest_reconnect);
  entry.next_try = now + wait;
  due_at(entry.next_try);
  ++entry.failures;
}

void Candidates::closed(const Endpoint& endpoint, TimePoint now) {
  auto found = entries_.find(endpoint);
  if (found == entries_.end()) return;
  found->second.busy = false;
  found->second.failures = 0;
  found->second.next_try = now + first_reconnect;
  due_at(found->second.next_try);
}

void Candidates::give_up(const Endpoint& endpoint, TimePoint now) {
  auto found = entries_.find(endpoint);
  if (found == entries_.end()) return;
  found->second.busy = false;
  found->second.failures = max_failures;
  found->second.next_try = now + longest_reconnect;
  due_at(found->second.next_try);
}

void Candidates::forget_unused() {
  std::erase_if(entries_, [](const auto& entry) {
    return !entry.second.permanent && !entry.second.busy && !entry.second.barred;
  });
}

void Candidates::bar(const Endpoint& endpoint) {
  add(endpoint, false);
  auto found = entries_.find(endpoint);
  if (found != entries_.end()) found->second.barred = true;
}

}  // namespace ezio
