#include "tracker/service.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "bt/base/hex.hpp"
#include "bt/base/printable.hpp"
#include "bt/base/version.hpp"
#include "bt/wire/query.hpp"
#include "tracker/announce_query.hpp"
#include "tracker/announce_reply.hpp"

namespace ezio::tracker {

namespace {

constexpr Duration scan_pause = std::chrono::seconds(2);  // between two looks at the directory
constexpr std::string_view torrents_path = "/torrents/";
constexpr std::size_t max_scraped_swarms = 10'000;

Reply not_found() {
  return {404, "text/plain", "not here; there are /announce, /scrape, /stats and /torrents/\n", {}};
}

Reply refuse(const Error& error) {
  return {200, "text/plain", encode_failure(error.message), {}};
}

std::int64_t in_seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace

Service::Service(RegistryLimits limits, std::uint64_t seed, std::optional<TorrentDir> directory,
                 TimePoint now)
    : limits_(limits),
      registry_(limits),
      random_(seed),
      directory_(std::move(directory)),
      started_(now),
      next_scan_(now) {}

Result<void> Service::load(TimePoint now) {
  if (!directory_) return {};
  const auto scanned = directory_->scan();
  if (!scanned) return scanned.error();
  adopt_directory();
  next_scan_ = now + scan_pause;
  return {};
}

void Service::adopt_directory() {
  std::unordered_set<InfoHash> allowed;
  for (const auto& [name, info_hash] : directory_->torrents()) allowed.insert(info_hash);
  registry_.allow_only(std::move(allowed));
}

void Service::refresh(TimePoint now) {
  if (!directory_ || now < next_scan_) return;
  next_scan_ = now + scan_pause;
  const auto changed = directory_->scan();
  if (changed && *changed) adopt_directory();
  if (!changed && !scan_failed_) directory_->report(changed.error().message + "; the torrents known stay");
  scan_failed_ = !changed;
}

void Service::tick(TimePoint now) {
  refresh(now);
  registry_.expire(now);
}

Reply Service::answer(std::string_view target, const Endpoint& source, TimePoint now) {
  const std::size_t path_end = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, path_end);
  const std::string_view query = target.substr(std::min(path_end + 1, target.size()));
  refresh(now);
  if (path == "/announce") return announce(query, source, now);
  if (path == "/scrape") return scrape(query);
  if (path == "/stats") return stats(now);
  if (!directory_) return not_found();
  if (path == torrents_path) return list_torrents();
  if (path.starts_with(torrents_path)) return serve_torrent(path.substr(torrents_path.size()));
  return not_found();
}

Reply Service::announce(std::string_view text, const Endpoint& source, TimePoint now) {
  ++counters_.announces;
  const auto query = parse_announce_query(text);
  const auto outcome =
      query ? registry_.announce(*query, source, now, random_) : Result<AnnounceOutcome>(query.error());
  if (!outcome) {
    ++counters_.refused;
    return refuse(outcome.error());
  }
  return {200, "text/plain", encode_announce_reply(*outcome, query->compact, query->no_peer_id), {}};
}

Reply Service::scrape(std::string_view query) {
  ++counters_.scrapes;
  auto wanted = parse_scrape_query(query);
  if (!wanted) return refuse(wanted.error());
  if (wanted->empty()) *wanted = registry_.info_hashes();
  std::vector<std::pair<InfoHash, SwarmCounts>> swarms;
  for (const InfoHash& info_hash : *wanted) {
    const auto counts = registry_.scrape(info_hash);
    if (counts && swarms.size() < max_scraped_swarms) swarms.emplace_back(info_hash, *counts);
  }
  return {200, "text/plain", encode_scrape_reply(std::move(swarms)), {}};
}

Reply Service::stats(TimePoint now) const {
  std::unordered_map<InfoHash, std::string> names;
  if (directory_) {
    for (const auto& [name, info_hash] : directory_->torrents()) names.emplace(info_hash, name);
  }
  boost::json::array torrents;
  for (const InfoHash& info_hash : registry_.info_hashes()) {
    const SwarmCounts counts = registry_.scrape(info_hash).value_or(SwarmCounts{});
    boost::json::object torrent{{"info_hash", to_hex(info_hash)},
                                {"seeders", counts.seeders},
                                {"leechers", counts.leechers},
                                {"completed", counts.completed}};
    if (const auto name = names.find(info_hash); name != names.end()) torrent["file"] = name->second;
    torrents.push_back(std::move(torrent));
  }
  const boost::json::object all{{"version", version},
                                {"uptime_s", in_seconds(now - started_)},
                                {"interval_s", in_seconds(limits_.interval)},
                                {"connections", connections},
                                {"announces", counters_.announces},
                                {"announces_refused", counters_.refused},
                                {"scrapes", counters_.scrapes},
                                {"torrents_served", counters_.torrents_served},
                                {"peers", registry_.peer_count()},
                                {"torrents", std::move(torrents)}};
  return {200, "application/json", boost::json::serialize(all) + "\n", {}};
}

Reply Service::list_torrents() const {
  Reply reply;
  for (const auto& [name, info_hash] : directory_->torrents()) reply.body += printable(name) + "\n";
  return reply;
}

Reply Service::serve_torrent(std::string_view encoded_name) {
  const auto name = percent_decode(encoded_name);
  if (!name) return {400, "text/plain", "the name is not percent-encoded text\n", {}};
  auto file = directory_->open(*name);  // knows plain names only: a path finds nothing
  if (!file) return not_found();
  ++counters_.torrents_served;
  return {200, "application/x-bittorrent", "", std::move(*file)};
}

}  // namespace ezio::tracker
