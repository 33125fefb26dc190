#include "tracker/host_table.hpp"

#include <algorithm>

namespace ezio::tracker {

std::size_t HostKeyHash::operator()(const HostKey& key) const {
  const std::size_t id = SeededHash::operator()(Bytes(key.peer_id.bytes));
  return id ^ SeededHash::operator()(std::string_view(key.key));
}

HostTable::~HostTable() {
  for (const Host& host : hosts_) counts_.remove(host.address());
}

Host* HostTable::find(const PeerId& peer_id, const std::string& key) {
  const auto found = index_.find(HostKey{peer_id, key});
  return found == index_.end() ? nullptr : &*found->second;
}

Host* HostTable::add(Host host) {
  if (!make_room(host.address())) return nullptr;
  counts_.add(host.address());
  own_counts_.add(host.address());
  const Place place = hosts_.insert(hosts_.end(), std::move(host));
  index_.emplace(HostKey{place->peer_id, place->key}, place);
  return &*place;
}

void HostTable::remove(const Host& host) {
  const auto found = index_.find(HostKey{host.peer_id, host.key});
  if (found != index_.end()) erase(found->second);
}

void HostTable::moved(const Endpoint& from, const Endpoint& to) {
  if (host_block(from) == host_block(to)) return;
  for (AddressCounts* counts : {&counts_, &own_counts_}) {
    counts->remove(from);
    counts->add(to);
  }
}

void HostTable::erase(Place place) {
  gone_(*place);
  counts_.remove(place->address());
  own_counts_.remove(place->address());
  index_.erase(HostKey{place->peer_id, place->key});
  hosts_.erase(place);
}

HostTable::Place HostTable::oldest_of(const AddressBlock& block, bool over_only) {
  return std::ranges::find_if(hosts_, [&](const Host& host) {
    return host_block(host.address()) == block && (host.is_over() || !over_only);
  });
}

bool HostTable::give_way(const AddressBlock& block, bool over_only) {
  const Place victim = oldest_of(block, over_only);
  if (victim == hosts_.end()) return false;
  erase(victim);
  return true;
}

bool HostTable::make_room(const Endpoint& endpoint) {
  const AddressBlock own = host_block(endpoint);
  if (counts_.of(endpoint) >= limits_.hosts_an_address) return give_way(own, true);
  if (hosts_.size() < limits_.hosts_a_torrent && counts_.total() < limits_.hosts) return true;
  const std::uint32_t own_count = own_counts_.of(endpoint);
  // Who has the mean already need not look for one who has more.
  if (own_count * own_counts_.addresses() < hosts_.size()) {
    const auto [block, most] = own_counts_.largest();
    if (most > own_count + 1) return give_way(block, true) || give_way(block, false);
  }
  if (give_way(own, true)) return true;
  // Everybody has the same share: the oldest that is over goes.
  const Place over = std::ranges::find_if(hosts_, [](const Host& host) { return host.is_over(); });
  if (over == hosts_.end() || own_count > 0) return false;
  erase(over);
  return true;
}

}  // namespace ezio::tracker
