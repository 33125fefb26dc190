#include "tracker/tally.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

namespace ezio::tracker {

namespace {

constexpr std::size_t named_hosts = 3;  // of a kind; the others are counted

void count_leecher(Tally& tally, const Host& host) {
  ++tally.leechers;
  if (host.lost) {
    ++tally.leechers_lost;
  } else if (host.state() == HostState::done) {
    ++tally.leechers_done;
  } else if (host.state() == HostState::failed) {
    ++tally.leechers_failed;
  }
}

// "a failed, b failed: why and 3 more failed"
class Mentions {
 public:
  void add(std::string text) {
    if (++count_ <= named_hosts) texts_.push_back(std::move(text));
  }
  void append_to(std::string& out, std::string_view what) const {
    for (const std::string& text : texts_) out += ", " + text;
    if (count_ > named_hosts) out += fmt::format(", {} more {}", count_ - named_hosts, what);
  }

 private:
  std::vector<std::string> texts_;
  std::size_t count_ = 0;
};

std::string failed_text(const Host& host) {
  const std::string reason = host.reason();
  return host.name() + " failed" + (reason.empty() ? "" : ": " + reason);
}

}  // namespace

Tally tally(const HostTable& table) {
  Tally out;
  for (const Host& host : table.hosts()) {
    ++(host.lost ? out.lost : out.states[static_cast<std::size_t>(host.state())]);
    if (host.leecher) count_leecher(out, host);
    if (host.is_over()) continue;
    out.down += host.report.down;
    out.up += host.report.up;
    if (const auto eta = host.eta_s()) out.eta_s = std::max(out.eta_s.value_or(0), *eta);
  }
  return out;
}

std::string summary(const HostBook& book, const Expectation& expectation) {
  std::uint64_t total = 0;
  std::uint64_t done = 0;
  std::set<std::string> missing = expectation.names;
  Mentions failed;
  Mentions lost;
  for (const auto& [info_hash, table] : book.tables()) {
    const Tally counts = tally(table);
    if (counts.leechers > 0) total += std::max(counts.leechers, expectation.hosts.value_or(0));
    done += counts.leechers_done;
    for (const Host& host : table.hosts()) {
      if (host.leecher) missing.erase(host.report.host);
      if (host.lost) {
        lost.add(fmt::format("{} lost at {:.0f} %", host.name(), 100 * host.progress()));
      } else if (host.state() == HostState::failed) {
        failed.add(failed_text(host));
      }
    }
  }
  if (total == 0) total = expectation.hosts.value_or(0);
  std::string out = total == 0 ? "no host to be cloned yet" : fmt::format("{} of {} done", done, total);
  failed.append_to(out, "failed");
  lost.append_to(out, "lost");
  Mentions absent;
  for (const std::string& name : missing) absent.add(name + " not seen yet");
  absent.append_to(out, "not seen yet");
  return out;
}

}  // namespace ezio::tracker
