// What a host keeps of each of its few connections, by handle: a map in one run of memory.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "bt/base/types.hpp"

namespace ezio::sim {

template <class Value>
class PeerMap {
 public:
  using Entry = std::pair<PeerHandle, Value>;

  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

  auto find(PeerHandle peer) {
    auto place = lower(peer);
    return place != end() && place->first == peer ? place : end();
  }
  bool contains(PeerHandle peer) { return find(peer) != end(); }
  bool emplace(PeerHandle peer, Value value) {
    auto place = lower(peer);
    if (place != end() && place->first == peer) return false;
    entries_.emplace(place, peer, std::move(value));
    return true;
  }
  Value& operator[](PeerHandle peer) {
    auto place = lower(peer);
    if (place == end() || place->first != peer) place = entries_.emplace(place, peer, Value{});
    return place->second;
  }
  void erase(PeerHandle peer) {
    auto found = find(peer);
    if (found != end()) entries_.erase(found);
  }

 private:
  auto lower(PeerHandle peer) {
    return std::lower_bound(entries_.begin(), entries_.end(), peer,
                            [](const Entry& entry, PeerHandle wanted) { return entry.first < wanted; });
  }

  std::vector<Entry> entries_;  // in the order of their handles
};

}  // namespace ezio::sim
