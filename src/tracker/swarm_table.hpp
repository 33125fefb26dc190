// The peers of one swarm, seeders and leechers apart, found by identity or by address, drawn at random.
//
// Core file.
#pragma once

#include <cstdint>
#include <random>
#include <unordered_map>
#include <vector>

#include "bt/base/endpoint.hpp"
#include "bt/base/types.hpp"

namespace ezio::tracker {

// By what an announcing peer is recognized.
struct PeerIdentity {
  PeerId peer_id;
  std::uint64_t key_hash = 0;  // of the `key` parameter
  bool v6 = false;
  bool operator==(const PeerIdentity&) const = default;
};

struct PeerIdentityHash {
  std::size_t operator()(const PeerIdentity& identity) const noexcept;
};

struct PeerEntry {
  PeerIdentity identity;
  Endpoint endpoint;
  bool seeder = false;
  bool completed = false;  // has been counted as a completion
  TimePoint last_seen;
};

// Draws `count` different numbers below `bound` (all of them when there are fewer), any set and order equally
// likely.
// Cost is linear in `count`, whatever the bound.
std::vector<std::uint32_t> random_subset(std::uint32_t bound, std::uint32_t count, std::mt19937_64& random);

class SwarmTable {
 public:
  std::uint32_t seeders() const { return static_cast<std::uint32_t>(seeders_.size()); }
  std::uint32_t leechers() const { return static_cast<std::uint32_t>(leechers_.size()); }
  std::uint32_t size() const { return seeders() + leechers(); }

  const PeerEntry* find(const PeerIdentity& identity) const;

  // Adds the entry, or replaces the one of the same identity. One of another identity at the same endpoint is
  // removed.
  void put(const PeerEntry& entry);
  void erase(const PeerIdentity& identity);
  void erase_older(TimePoint oldest);  // everyone last seen before `oldest`

  // At most `count` random entries, seeders among them or not, none with the asker's peer id.
  std::vector<const PeerEntry*> draw(std::uint32_t count, bool with_seeders, const PeerId& asker,
                                     std::mt19937_64& random) const;

 private:
  struct Place {
    bool seeder = false;
    std::uint32_t index = 0;
  };
  std::vector<PeerEntry>& group(bool seeder) { return seeder ? seeders_ : leechers_; }

  std::vector<PeerEntry> seeders_;
  std::vector<PeerEntry> leechers_;
  std::unordered_map<PeerIdentity, Place, PeerIdentityHash> places_;
  std::unordered_map<Endpoint, PeerIdentity> by_endpoint_;
};

}  // namespace ezio::tracker
