#include "tracker/registry.hpp"

#include <algorithm>
#include <string>

namespace ezio::tracker {

PeerIdentity Registry::identity_of(const AnnounceQuery& query, const Endpoint& endpoint) const {
  return {query.peer_id, hash_(std::string_view(query.key)), endpoint.v6};
}

void Registry::allow_only(std::unordered_set<InfoHash> allowed) {
  allowed_ = std::move(allowed);
  std::erase_if(swarms_, [&](const auto& item) { return !allowed_->contains(item.first); });
}

Result<Registry::Swarm*> Registry::swarm_for(const AnnounceQuery& query) {
  if (allowed_ && !allowed_->contains(query.info_hash)) {
    return Error{"this torrent is not registered with this tracker"};
  }
  const auto found = swarms_.find(query.info_hash);
  if (found != swarms_.end()) return &found->second;
  if (swarms_.size() >= limits_.max_swarms) return Error{"this tracker has no room for another torrent"};
  return &swarms_.try_emplace(query.info_hash, counts_, hash_.seed()).first->second;
}

AnnounceOutcome Registry::outcome_for(const Swarm& swarm) const {
  AnnounceOutcome outcome;
  outcome.interval = limits_.interval;
  outcome.min_interval = limits_.min_interval;
  outcome.counts = {swarm.table.seeders(), swarm.table.leechers(), swarm.completed};
  return outcome;
}

void Registry::enter(Swarm& swarm, const AnnounceQuery& query, const Endpoint& endpoint, TimePoint now) {
  PeerEntry entry{identity_of(query, endpoint), endpoint, query.left == 0, false, now};
  const PeerEntry* before = swarm.table.find(entry.identity);
  entry.completed = before && before->completed;
  if (query.event == AnnounceEvent::completed && entry.seeder && !entry.completed) {
    entry.completed = true;
    ++swarm.completed;
  }
  swarm.table.put(entry);
}

Result<void> Registry::check_room(const Endpoint& endpoint) const {
  if (counts_.of(endpoint) >= limits_.max_peers_an_address) return Error{"too many peers have your address"};
  if (peer_count() >= limits_.max_peers) return Error{"this tracker has no room for another peer"};
  return {};
}

Result<AnnounceOutcome> Registry::announce(const AnnounceQuery& query, const Endpoint& source, TimePoint now,
                                           Random& random) {
  auto found = swarm_for(query);
  if (!found) return found.error();
  Swarm& swarm = **found;
  Endpoint endpoint = source;
  endpoint.port = query.port;
  const PeerIdentity identity = identity_of(query, endpoint);
  if (query.event == AnnounceEvent::stopped) {
    swarm.table.erase(identity);
    return outcome_for(swarm);
  }
  if (!swarm.table.find(identity)) {
    if (const auto room = check_room(endpoint); !room) return room.error();
  }
  enter(swarm, query, endpoint, now);
  AnnounceOutcome outcome = outcome_for(swarm);
  const std::uint32_t wanted =
      std::min(query.numwant.value_or(limits_.default_peers), limits_.max_peers_a_reply);
  const SwarmTable::Asker asker{query.peer_id, endpoint, query.left > 0};
  const auto drawn = swarm.table.draw(wanted, asker, random);
  outcome.peers.reserve(drawn.size());
  for (const PeerEntry* peer : drawn) {
    outcome.peers.push_back({peer->identity.peer_id, peer->endpoint});
  }
  return outcome;
}

void Registry::restore_completed(const InfoHash& info_hash, std::uint64_t count) {
  const auto found = swarms_.find(info_hash);
  if (found != swarms_.end()) found->second.completed = count;
}

std::optional<SwarmCounts> Registry::scrape(const InfoHash& info_hash) const {
  const auto found = swarms_.find(info_hash);
  if (found != swarms_.end()) return outcome_for(found->second).counts;
  if (allowed_ && allowed_->contains(info_hash)) return SwarmCounts{};
  return std::nullopt;
}

void Registry::expire(TimePoint now) {
  for (auto& [info_hash, swarm] : swarms_) {
    swarm.table.erase_older(now - lifetime());
  }
  std::erase_if(swarms_, [&](const auto& item) { return !allowed_ && item.second.table.size() == 0; });
}

std::vector<InfoHash> Registry::info_hashes() const {
  std::vector<InfoHash> hashes;
  for (const auto& [info_hash, swarm] : swarms_) hashes.push_back(info_hash);
  if (allowed_) {
    for (const InfoHash& info_hash : *allowed_) {
      if (!swarms_.contains(info_hash)) hashes.push_back(info_hash);
    }
  }
  std::ranges::sort(hashes);
  return hashes;
}

}  // namespace ezio::tracker
