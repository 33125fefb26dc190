#include "tracker/swarm_table.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace ezio::tracker {

namespace {

// A host may be in the table once a family under its own peer id; stale entries of its own never match.
constexpr std::uint32_t entries_of_asker = 2;

// A set of few numbers, without a node for each.
class NumberSet {
 public:
  explicit NumberSet(std::uint32_t count) : cells_(std::bit_ceil(2 * count + 1), empty) {}
  bool insert(std::uint32_t number) {
    for (std::size_t at = number * 0x9E3779B9u;; ++at) {
      std::uint32_t& cell = cells_[at & (cells_.size() - 1)];
      if (cell == number) return false;
      if (cell != empty) continue;
      cell = number;
      return true;
    }
  }

 private:
  static constexpr std::uint32_t empty = UINT32_MAX;
  std::vector<std::uint32_t> cells_;
};

}  // namespace

std::size_t PeerIdentityHash::operator()(const PeerIdentity& identity) const {
  std::array<std::byte, 29> bytes;
  std::memcpy(bytes.data(), identity.peer_id.bytes.data(), 20);
  std::memcpy(bytes.data() + 20, &identity.key_hash, 8);
  bytes[28] = std::byte{identity.v6};
  return SeededHash::operator()(Bytes(bytes));
}

std::vector<std::uint32_t> random_subset(std::uint32_t bound, std::uint32_t count, std::mt19937_64& random) {
  std::vector<std::uint32_t> chosen;
  count = std::min(bound, count);
  chosen.reserve(count);
  NumberSet taken(count);
  // Floyd's sampling: round `top` picks below or at `top`, and `top` itself where that was taken before.
  for (std::uint32_t top = bound - count; top < bound; ++top) {
    std::uint32_t number = std::uniform_int_distribution<std::uint32_t>(0, top)(random);
    if (!taken.insert(number)) {
      number = top;
      taken.insert(number);
    }
    chosen.push_back(number);
  }
  std::ranges::shuffle(chosen, random);  // every set is equally likely by now, but not every order
  return chosen;
}

SwarmTable::~SwarmTable() {
  for (const auto& group : all_) {
    for (const Slot slot : group) counts_.remove(kept_[slot].entry.endpoint);
  }
}

const PeerEntry* SwarmTable::find(const PeerIdentity& identity) const {
  const auto found = places_.find(identity);
  return found == places_.end() ? nullptr : &kept_[found->second].entry;
}

void SwarmTable::put(const PeerEntry& entry) {
  const auto found = places_.find(entry.identity);
  if (found != places_.end()) {
    PeerEntry& before = kept_[found->second].entry;
    if (before.endpoint == entry.endpoint && before.seeder == entry.seeder) {
      before = entry;
      return;
    }
    remove(found->second);
  }
  const auto squatter = by_endpoint_.find(entry.endpoint);
  if (squatter != by_endpoint_.end()) remove(squatter->second);
  add(entry);
}

void SwarmTable::add(const PeerEntry& entry) {
  if (free_.empty()) {
    free_.push_back(static_cast<Slot>(kept_.size()));
    kept_.emplace_back();
  }
  const Slot slot = free_.back();
  free_.pop_back();
  kept_[slot].entry = entry;
  places_.emplace(entry.identity, slot);
  by_endpoint_.emplace(entry.endpoint, slot);
  join(all_[entry.seeder], slot, &Kept::at_all);
  join(subnets_[subnet_block(entry.endpoint)][entry.seeder], slot, &Kept::at_subnet);
  counts_.add(entry.endpoint);
}

void SwarmTable::erase(const PeerIdentity& identity) {
  const auto found = places_.find(identity);
  if (found != places_.end()) remove(found->second);
}

void SwarmTable::remove(Slot slot) {
  const PeerEntry entry = kept_[slot].entry;
  places_.erase(entry.identity);
  by_endpoint_.erase(entry.endpoint);
  leave(all_[entry.seeder], slot, &Kept::at_all);
  const auto subnet = subnets_.find(subnet_block(entry.endpoint));
  leave(subnet->second[entry.seeder], slot, &Kept::at_subnet);
  if (subnet->second[0].empty() && subnet->second[1].empty()) subnets_.erase(subnet);
  counts_.remove(entry.endpoint);
  free_.push_back(slot);
  assert(places_.size() == size() && by_endpoint_.size() == size());
}

void SwarmTable::join(std::vector<Slot>& group, Slot slot, Position position) {
  kept_[slot].*position = static_cast<std::uint32_t>(group.size());
  group.push_back(slot);
}

// The last one moves into the gap.
void SwarmTable::leave(std::vector<Slot>& group, Slot slot, Position position) {
  const std::uint32_t gap = kept_[slot].*position;
  assert(group[gap] == slot);
  group[gap] = group.back();
  kept_[group[gap]].*position = gap;
  group.pop_back();
}

void SwarmTable::erase_older(TimePoint oldest) {
  for (auto& group : all_) {
    for (std::size_t i = group.size(); i-- > 0;) {
      if (kept_[group[i]].entry.last_seen < oldest) remove(group[i]);
    }
  }
}

// Appends those of `draws` random entries that are not there yet, up to `count` in all.
void SwarmTable::draw_from(const Groups& groups, std::uint32_t draws, std::uint32_t count, const Asker& asker,
                           std::mt19937_64& random, std::vector<Slot>& chosen) const {
  const auto leecher_count = static_cast<std::uint32_t>(groups[0].size());
  const auto bound = leecher_count + static_cast<std::uint32_t>(asker.wants_seeders ? groups[1].size() : 0);
  const std::size_t before = chosen.size();
  for (const std::uint32_t number : random_subset(bound, draws, random)) {
    const Slot slot = number < leecher_count ? groups[0][number] : groups[1][number - leecher_count];
    const auto known = chosen.begin() + static_cast<std::ptrdiff_t>(before);
    if (kept_[slot].entry.identity.peer_id == asker.peer_id) continue;
    if (std::find(chosen.begin(), known, slot) == known) chosen.push_back(slot);
    if (chosen.size() == count) return;
  }
}

std::vector<const PeerEntry*> SwarmTable::draw(std::uint32_t count, const Asker& asker,
                                               std::mt19937_64& random) const {
  std::vector<const PeerEntry*> drawn;
  if (count == 0) return drawn;
  std::vector<Slot> chosen;
  chosen.reserve(std::min(count, size()));
  const auto own = subnets_.find(subnet_block(asker.endpoint));
  if (size() > count && subnets_.size() > 1 && own != subnets_.end()) {
    const std::uint32_t near = count * 3 / 4;
    if (near > 0) draw_from(own->second, near + entries_of_asker, near, asker, random, chosen);
  }
  // Enough for `count`, whichever of them are there already.
  if (chosen.size() < count) draw_from(all_, count + entries_of_asker, count, asker, random, chosen);
  drawn.reserve(chosen.size());
  for (const Slot slot : chosen) drawn.push_back(&kept_[slot].entry);
  return drawn;
}

}  // namespace ezio::tracker
