#include "tracker/stats_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <iterator>

#include "bt/base/base64url.hpp"
#include "bt/base/hex.hpp"
#include "bt/base/version.hpp"
#include "tracker/verdict.hpp"

namespace ezio::tracker {

namespace json = boost::json;

namespace {

std::int64_t in_seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

// Three digits are enough for people, and keep the text short.
double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

json::value or_null(const std::optional<double>& value) {
  return value ? json::value(rounded(*value)) : json::value();
}

json::object counts_json(const Tally& tally) {
  json::object out;
  for (std::size_t i = 0; i < host_state_count; ++i) {
    out.emplace(to_string(static_cast<HostState>(i)), tally.states[i]);
  }
  out.emplace("lost", tally.lost);
  return out;
}

json::array addresses_json(const Host& host) {
  json::array out;
  for (const Endpoint& address : host.addresses) out.emplace_back(address_text(address));
  return out;
}

json::array targets_json(const HostReport& report) {
  json::array out;
  for (const TargetReport& target : report.targets) {
    out.push_back(json::object{{"path", target.path},
                               {"model", target.model},
                               {"serial", target.serial},
                               {"state", to_string(target.state)},
                               {"error", target.error}});
  }
  return out;
}

json::object verdict_json(const Verdict& verdict) {
  return {{"complete", verdict.complete},
          {"ok", verdict.ok()},
          {"expected", verdict.expected},
          {"done", verdict.done},
          {"failed", verdict.failed},
          {"lost", verdict.lost},
          {"missing", json::array(verdict.missing.begin(), verdict.missing.end())}};
}

const HostTable* table_of(const StatsSources& sources, const InfoHash& info_hash) {
  const auto found = sources.book.tables().find(info_hash);
  return found == sources.book.tables().end() ? nullptr : &found->second;
}

json::object whole_torrent(const StatsSources& sources, const InfoHash& info_hash, const Moment& now) {
  json::object out = torrent_json(sources, info_hash);
  json::array curve;
  json::array hosts;
  if (const HostTable* table = table_of(sources, info_hash)) {
    for (const auto& point : table->curve.points()) curve.push_back(point_json(point, now));
    for (const Host& host : table->hosts()) hosts.push_back(host_json(host, now));
  }
  out.emplace("rate_curve", std::move(curve));
  out.emplace("hosts", std::move(hosts));
  return out;
}

}  // namespace

std::string id_text(std::uint64_t id) {
  return fmt::format("{:016x}", id);
}

json::array point_json(const RateCurve::Point& point, const Moment& now) {
  return {rounded(now.unix_at(point.time)), std::round(point.rate)};
}

json::object host_json(const Host& host, const Moment& now) {
  const HostReport& report = host.report;
  return {
      {"id", id_text(host.id)},
      {"name", host.name()},
      {"address", address_text(host.address())},
      {"addresses", addresses_json(host)},
      {"state", shown_state(host)},
      {"last_state", to_string(host.state())},
      {"pieces", report.pieces},
      {"have", report.have},
      {"progress", rounded(host.progress())},
      {"reused", report.reused},
      {"fetched", report.fetched},
      {"zeroed", report.zeroed},
      {"verified", report.verified},
      {"down_bytes_per_s", report.down},
      {"up_bytes_per_s", report.up},
      {"eta_s", or_null(host.eta_s())},
      {"uploaded", host.uploaded},
      {"downloaded", host.downloaded},
      {"left", host.left},
      {"error", host.reason()},
      {"version", report.version},
      {"first_seen", rounded(now.unix_at(host.first_seen))},
      {"last_seen", rounded(now.unix_at(host.last_seen))},
      {"finished", host.finished ? json::value(rounded(now.unix_at(*host.finished))) : json::value()},
      {"map", to_base64url(std::as_bytes(std::span(report.map)))},
      {"targets", targets_json(report)},
      {"leecher", host.leecher},
      {"reports", host.reports},
  };
}

json::object torrent_json(const StatsSources& sources, const InfoHash& info_hash) {
  const SwarmCounts peers = sources.registry.scrape(info_hash).value_or(SwarmCounts{});
  const HostTable* table = table_of(sources, info_hash);
  const Tally counts = table ? tally(*table) : Tally{};
  const auto facts = sources.torrents.find(info_hash);
  const auto& expected = sources.expectation.hosts;
  const std::string hash = to_hex(info_hash);
  json::object out{{"info_hash", hash},
                   {"name", hash},
                   {"size_bytes", nullptr},
                   {"pieces", nullptr},
                   {"seeders", peers.seeders},
                   {"leechers", peers.leechers},
                   {"completed", peers.completed},
                   {"expected", expected ? json::value(*expected) : json::value()},
                   {"counts", counts_json(counts)},
                   {"down_bytes_per_s", counts.down},
                   {"up_bytes_per_s", counts.up},
                   {"eta_s", or_null(counts.eta_s)}};
  if (facts == sources.torrents.end()) return out;
  out["name"] = facts->second.name;
  out["file"] = facts->second.file;
  out["size_bytes"] = facts->second.size_bytes;
  out["pieces"] = facts->second.pieces;
  return out;
}

std::vector<InfoHash> listed_torrents(const StatsSources& sources) {
  std::vector<InfoHash> with_hosts;
  for (const auto& [info_hash, table] : sources.book.tables()) with_hosts.push_back(info_hash);
  std::vector<InfoHash> all;
  std::ranges::set_union(with_hosts, sources.registry.info_hashes(), std::back_inserter(all));
  if (all.size() > max_listed_torrents) all.resize(max_listed_torrents);
  return all;
}

json::object facts_json(const StatsSources& sources, const Moment& now) {
  const Counters& counters = sources.counters;
  return {{"version", version},
          {"uptime_s", in_seconds(now.time - sources.started)},
          {"now", rounded(now.unix_s)},
          {"interval_s", in_seconds(sources.interval)},
          {"report_interval_s", in_seconds(sources.report_interval)},
          {"connections", counters.connections},
          {"pages", counters.pages},
          {"announces", counters.announces},
          {"announces_refused", counters.refused},
          {"reports_refused", counters.reports_refused},
          {"scrapes", counters.scrapes},
          {"torrents_served", counters.torrents_served},
          {"peers", sources.registry.peer_count()},
          {"summary", summary(sources.book, sources.expectation)},
          {"verdict", verdict_json(judge(sources.book, sources.expectation, now.time))}};
}

json::object stats_json(const StatsSources& sources, const Moment& now) {
  json::array torrents;
  for (const InfoHash& info_hash : listed_torrents(sources)) {
    torrents.push_back(whole_torrent(sources, info_hash, now));
  }
  json::object out = facts_json(sources, now);
  out.emplace("torrents", std::move(torrents));
  return out;
}

}  // namespace ezio::tracker
