#include "tracker/announce_desk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tracker/address_block.hpp"
#include "tracker/announce_reply.hpp"

namespace ezio::tracker {

namespace {

constexpr std::size_t max_scraped_swarms = 10'000;
constexpr std::size_t max_explained = 100;
constexpr Duration expiry_pause = std::chrono::seconds(5);
constexpr int silent_reports = 3;
constexpr Duration reason_may_follow = std::chrono::seconds(2);

}  // namespace

AnnounceDesk::AnnounceDesk(const DeskLimits& limits, std::uint64_t seed, Listeners listeners)
    : limits_(limits),
      random_(seed),
      seed_{random_(), random_()},
      registry_(limits.registry, seed_),
      listeners_(std::move(listeners)),
      book_(limits.hosts, {silent_reports * limits.report_interval, registry_.lifetime(), reason_may_follow},
            seed_, listeners_.host) {}

std::string AnnounceDesk::announce(std::string_view text, const Endpoint& source, const LocalAddress& local,
                                   TimePoint now) {
  ++counters.announces;
  const auto query = parse_announce_query(text);
  const auto outcome =
      query ? admit(*query, text, source, local, now) : Result<AnnounceOutcome>(query.error());
  if (outcome) return encode_announce_reply(*outcome, query->compact, query->no_peer_id);
  ++counters.refused;
  if (listeners_.refused) listeners_.refused(source, outcome.error().message);
  return encode_failure(outcome.error().message);
}

Result<AnnounceOutcome> AnnounceDesk::admit(const AnnounceQuery& query, std::string_view text,
                                            const Endpoint& source, const LocalAddress& local,
                                            TimePoint now) {
  auto outcome = registry_.announce(query, source, now, random_);
  if (!outcome) return outcome.error();
  const auto report = query.reports ? report_in(text, source) : std::nullopt;
  Endpoint endpoint = source;
  endpoint.port = query.port;
  book_.take(query, endpoint, report ? &*report : nullptr, now, random_);
  name_reachable(outcome->peers, source, local);
  outcome->report_interval = limits_.report_interval;
  return outcome;
}

// One that is none does not keep the peer from being introduced to others.
std::optional<HostReport> AnnounceDesk::report_in(std::string_view query, const Endpoint& source) {
  auto report = parse_host_report(query);
  if (report) return std::move(*report);
  ++counters.reports_refused;
  if (listeners_.refused) listeners_.refused(source, "report: " + report.error().message);
  return std::nullopt;
}

// A peer on this machine that announces over loopback is found by others at the address by which they find
// us.
void AnnounceDesk::name_reachable(std::vector<KnownPeer>& peers, const Endpoint& source,
                                  const LocalAddress& local) {
  const auto on_loopback = [](const KnownPeer& peer) { return is_loopback(peer.endpoint); };
  if (is_loopback(source) || std::ranges::none_of(peers, on_loopback)) return;
  const Endpoint own = local();
  const bool has_address = own != Endpoint{} && !is_loopback(own);
  std::erase_if(peers, [&](KnownPeer& peer) {
    if (!is_loopback(peer.endpoint)) return false;
    const Endpoint before = std::exchange(peer.endpoint, own);
    peer.endpoint.port = before.port;
    explain_loopback(before, has_address ? "is handed out as " + to_string(peer.endpoint)
                                         : "is not handed out: the server's own address is not known");
    return !has_address;
  });
}

void AnnounceDesk::explain_loopback(const Endpoint& peer, const std::string& what) {
  if (explained_.size() >= max_explained || !explained_.insert(peer).second) return;
  if (listeners_.report)
    listeners_.report(fmt::format("a peer that announced from {} {}", to_string(peer), what));
}

std::string AnnounceDesk::scrape(std::string_view query) {
  ++counters.scrapes;
  auto wanted = parse_scrape_query(query);
  if (!wanted) return encode_failure(wanted.error().message);
  if (wanted->empty()) *wanted = registry_.info_hashes();
  std::vector<std::pair<InfoHash, SwarmCounts>> swarms;
  for (const InfoHash& info_hash : *wanted) {
    const auto counts = registry_.scrape(info_hash);
    if (counts && swarms.size() < max_scraped_swarms) swarms.emplace_back(info_hash, *counts);
  }
  return encode_scrape_reply(std::move(swarms));
}

void AnnounceDesk::allow_only(const std::unordered_set<InfoHash>& allowed) {
  registry_.allow_only(allowed);
  book_.keep_only(allowed);
}

void AnnounceDesk::restore(SavedTorrent torrent, TimePoint now) {
  for (Host& host : torrent.hosts) {
    if (!host.is_over()) introduce_again(torrent.info_hash, host, now);
    book_.restore(torrent.info_hash, std::move(host));
  }
  book_.restore(torrent.info_hash, std::move(torrent.curve));
  registry_.restore_completed(torrent.info_hash, torrent.completed);
}

void AnnounceDesk::introduce_again(const InfoHash& info_hash, const Host& host, TimePoint now) {
  for (const Endpoint& address : host.addresses) {
    AnnounceQuery query;
    query.info_hash = info_hash;
    query.peer_id = host.peer_id;
    query.key = host.key;
    query.port = address.port;
    query.left = host.left;
    query.numwant = 0;
    // Where the registry is full it announces itself soon.
    static_cast<void>(registry_.announce(query, address, now, random_));
  }
}

void AnnounceDesk::tick(TimePoint now) {
  book_.tick(now);
  if (now < next_expiry_) return;
  next_expiry_ = now + expiry_pause;
  registry_.expire(now);
}

}  // namespace ezio::tracker
