#include "tracker/verdict.hpp"

#include <algorithm>
#include <set>

namespace ezio::tracker {

namespace {

constexpr Duration stands = std::chrono::seconds(2);

// One torrent's hosts, added to the verdict. False while some are at work, or have not come yet.
bool count(const HostTable& table, const Expectation& expectation, TimePoint now, Verdict& verdict) {
  std::uint64_t hosts = 0;
  bool all_decided = true;
  std::set<std::string> missing = expectation.names;
  for (const Host& host : table.hosts()) {
    if (!host.leecher) continue;
    ++hosts;
    missing.erase(host.report.host);
    if (host.lost) {
      const bool for_good = now - host.last_seen >= expectation.lost_for_good;
      verdict.lost += for_good ? 1 : 0;
      all_decided &= for_good;
    } else if (host.state() == HostState::done) {
      ++verdict.done;
    } else if (host.state() == HostState::failed) {
      ++verdict.failed;
    } else {
      all_decided = false;
    }
  }
  if (hosts == 0) return true;
  const std::uint64_t expected = expectation.hosts.value_or(0);
  verdict.expected += std::max(hosts, expected);
  verdict.missing.insert(verdict.missing.end(), missing.begin(), missing.end());
  return all_decided && hosts >= expected && missing.empty();
}

}  // namespace

Verdict judge(const HostBook& book, const Expectation& expectation, TimePoint now) {
  Verdict verdict;
  verdict.complete = true;
  for (const auto& [info_hash, table] : book.tables()) {
    verdict.complete &= count(table, expectation, now, verdict);
  }
  verdict.complete &= verdict.expected > 0;
  if (verdict.expected == 0) {
    verdict.expected = expectation.hosts.value_or(0);
    verdict.missing.assign(expectation.names.begin(), expectation.names.end());
  }
  std::ranges::sort(verdict.missing);
  const auto twice = std::ranges::unique(verdict.missing);
  verdict.missing.erase(twice.begin(), twice.end());
  return verdict;
}

bool Completion::has_come(const Verdict& verdict, TimePoint now) {
  if (!verdict.complete) {
    since_.reset();
    told_ = false;
    return false;
  }
  if (!since_) since_ = now;
  if (told_ || now - *since_ < stands) return false;
  told_ = true;
  return true;
}

}  // namespace ezio::tracker
