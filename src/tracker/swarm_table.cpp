#include "tracker/swarm_table.hpp"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <unordered_set>

namespace ezio::tracker {

namespace {

// A host may be in the table once a family under its own peer id; stale entries of its own never match.
constexpr std::uint32_t entries_of_asker = 2;

}  // namespace

std::size_t PeerIdentityHash::operator()(const PeerIdentity& identity) const noexcept {
  const std::size_t id = std::hash<std::string_view>{}(as_text(identity.peer_id.bytes));
  return id ^ (identity.key_hash * 2 + (identity.v6 ? 1 : 0));
}

std::vector<std::uint32_t> random_subset(std::uint32_t bound, std::uint32_t count, std::mt19937_64& random) {
  std::vector<std::uint32_t> chosen;
  std::unordered_set<std::uint32_t> taken;
  // Floyd's sampling: round `top` picks below or at `top`, and `top` itself where that was taken before.
  for (std::uint32_t top = bound - std::min(bound, count); top < bound; ++top) {
    std::uint32_t number = std::uniform_int_distribution<std::uint32_t>(0, top)(random);
    if (!taken.insert(number).second) {
      number = top;
      taken.insert(number);
    }
    chosen.push_back(number);
  }
  std::ranges::shuffle(chosen, random);  // every set is equally likely by now, but not every order
  return chosen;
}

const PeerEntry* SwarmTable::find(const PeerIdentity& identity) const {
  const auto found = places_.find(identity);
  if (found == places_.end()) return nullptr;
  return &(found->second.seeder ? seeders_ : leechers_)[found->second.index];
}

void SwarmTable::put(const PeerEntry& entry) {
  erase(entry.identity);
  const auto squatter = by_endpoint_.find(entry.endpoint);
  if (squatter != by_endpoint_.end()) erase(PeerIdentity(squatter->second));
  std::vector<PeerEntry>& peers = group(entry.seeder);
  places_[entry.identity] = {entry.seeder, static_cast<std::uint32_t>(peers.size())};
  by_endpoint_[entry.endpoint] = entry.identity;
  peers.push_back(entry);
}

void SwarmTable::erase(const PeerIdentity& identity) {
  const auto found = places_.find(identity);
  if (found == places_.end()) return;
  const Place place = found->second;
  places_.erase(found);
  std::vector<PeerEntry>& peers = group(place.seeder);
  by_endpoint_.erase(peers[place.index].endpoint);
  if (place.index + 1 < peers.size()) {  // the last one moves into the gap
    peers[place.index] = peers.back();
    places_[peers[place.index].identity].index = place.index;
  }
  peers.pop_back();
  assert(places_.size() == size() && by_endpoint_.size() == size());
}

void SwarmTable::erase_older(TimePoint oldest) {
  for (const bool seeder : {false, true}) {
    std::vector<PeerEntry>& peers = group(seeder);
    for (std::size_t i = peers.size(); i-- > 0;) {
      if (peers[i].last_seen < oldest) erase(PeerIdentity(peers[i].identity));
    }
  }
}

std::vector<const PeerEntry*> SwarmTable::draw(std::uint32_t count, bool with_seeders, const PeerId& asker,
                                               std::mt19937_64& random) const {
  std::vector<const PeerEntry*> drawn;
  if (count == 0) return drawn;
  const std::uint32_t bound = leechers() + (with_seeders ? seeders() : 0);
  for (const std::uint32_t number : random_subset(bound, count + entries_of_asker, random)) {
    const PeerEntry& peer = number < leechers() ? leechers_[number] : seeders_[number - leechers()];
    if (peer.identity.peer_id != asker && drawn.size() < count) drawn.push_back(&peer);
  }
  return drawn;
}

}  // namespace ezio::tracker
