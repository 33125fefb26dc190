#include "tracker/report_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "bt/base/hex.hpp"
#include "tracker/verdict.hpp"

namespace ezio::tracker {

namespace {

constexpr std::size_t max_named = 20;  // of those who were not seen

// "1:02:03", "2:03"
std::string span_text(Duration span) {
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(span).count();
  if (seconds >= 3600) return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
}

// The smaller, the worse it went.
int rank(const Host& host) {
  if (host.state() == HostState::failed) return 0;
  if (host.lost) return 1;
  return host.state() == HostState::done ? 3 : 2;
}

std::string targets_with_serials(const Host& host) {
  std::string out;
  for (const TargetReport& target : host.report.targets) {
    out += (out.empty() ? "" : ", ") + target.path;
    if (!target.serial.empty()) out += " (" + target.serial + ")";
  }
  return out;
}

void append_host(std::string& out, const Host& host, std::size_t name_width) {
  const HostReport& report = host.report;
  fmt::format_to(std::back_inserter(out), "  {:{}}  {:15}  {:9}  {:>7}  {}", host.name(), name_width,
                 address_text(host.address()), shown_state(host),
                 host.finished ? span_text(*host.finished - host.first_seen) : "",
                 targets_with_serials(host));
  if (report.have > 0) {
    fmt::format_to(std::back_inserter(out),
                   "  {} of {} pieces: {} reused, {} fetched, {} of zeros, {} read back", report.have,
                   report.pieces, report.reused, report.fetched, report.zeroed, report.verified);
  }
  if (const std::string reason = host.reason(); !reason.empty()) out += "  " + reason;
  out += '\n';
}

void append_torrent(std::string& out, std::string_view name, const HostTable& table) {
  std::vector<const Host*> hosts;
  std::size_t name_width = 0;
  for (const Host& host : table.hosts()) {
    if (!host.leecher) continue;
    hosts.push_back(&host);
    name_width = std::max(name_width, host.name().size());
  }
  if (hosts.empty()) return;
  std::ranges::stable_sort(hosts, {}, [](const Host* host) { return std::pair(rank(*host), host->name()); });
  out += fmt::format("{}\n", name);
  for (const Host* host : hosts) append_host(out, *host, name_width);
}

}  // namespace

std::string report_text(const StatsSources& sources, const Moment& now) {
  const Verdict verdict = judge(sources.book, sources.expectation, now.time);
  std::string out = summary(sources.book, sources.expectation) + "\n";
  for (const auto& [info_hash, table] : sources.book.tables()) {
    const auto facts = sources.torrents.find(info_hash);
    append_torrent(out, facts == sources.torrents.end() ? to_hex(info_hash) : facts->second.name, table);
  }
  for (std::size_t i = 0; i < std::min(verdict.missing.size(), max_named); ++i) {
    out += fmt::format("  {} was not seen\n", verdict.missing[i]);
  }
  if (verdict.missing.size() > max_named) {
    out += fmt::format("  and {} more were not seen\n", verdict.missing.size() - max_named);
  }
  return out;
}

}  // namespace ezio::tracker
