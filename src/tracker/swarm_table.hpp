// The peers of one swarm, seeders and leechers apart, found by identity or by address, drawn at random.
//
// Core file.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <unordered_map>
#include <vector>

#include "bt/base/endpoint.hpp"
#include "bt/base/types.hpp"
#include "tracker/address_counts.hpp"
#include "tracker/seeded_hash.hpp"

namespace ezio::tracker {

// By what an announcing peer is recognized.
struct PeerIdentity {
  PeerId peer_id;
  std::uint64_t key_hash = 0;  // of the `key` parameter
  bool v6 = false;
  bool operator==(const PeerIdentity&) const = default;
};

class PeerIdentityHash : public SeededHash {
 public:
  using SeededHash::SeededHash;
  std::size_t operator()(const PeerIdentity& identity) const;
};

struct PeerEntry {
  PeerIdentity identity;
  Endpoint endpoint;
  bool seeder = false;
  bool completed = false;  // has been counted as a completion
  TimePoint last_seen;
};

// Draws `count` different numbers below `bound` (all of them when there are fewer), any set and order equally
// likely. Cost is linear in `count`, whatever the bound.
std::vector<std::uint32_t> random_subset(std::uint32_t bound, std::uint32_t count, std::mt19937_64& random);

class SwarmTable {
 public:
  // Who asks for peers.
  struct Asker {
    PeerId peer_id;
    Endpoint endpoint;
    bool wants_seeders = true;
  };

  // Entries are counted in `counts`, too, which outlives the table.
  SwarmTable(AddressCounts& counts, HashSeed seed)
      : counts_(counts),
        places_(0, PeerIdentityHash(seed)),
        by_endpoint_(0, SeededHash(seed)),
        subnets_(0, SeededHash(seed)) {}
  ~SwarmTable();
  SwarmTable(const SwarmTable&) = delete;
  SwarmTable& operator=(const SwarmTable&) = delete;

  std::uint32_t seeders() const { return static_cast<std::uint32_t>(all_[1].size()); }
  std::uint32_t leechers() const { return static_cast<std::uint32_t>(all_[0].size()); }
  std::uint32_t size() const { return seeders() + leechers(); }

  const PeerEntry* find(const PeerIdentity& identity) const;

  // Adds the entry, or replaces the one of the same identity. One of another identity at the same endpoint is
  // removed.
  void put(const PeerEntry& entry);
  void erase(const PeerIdentity& identity);
  void erase_older(TimePoint oldest);  // everyone last seen before `oldest`

  // At most `count` random entries, seeders among them or not, none with the asker's peer id. Where there are
  // more than that, three of four come from the asker's own subnet, if it has so many; the last one does not,
  // lest the subnets become swarms of their own.
  std::vector<const PeerEntry*> draw(std::uint32_t count, const Asker& asker, std::mt19937_64& random) const;

 private:
  using Slot = std::uint32_t;
  // [0] leechers, [1] seeders, in any order.
  using Groups = std::array<std::vector<Slot>, 2>;
  struct Kept {
    PeerEntry entry;
    std::uint32_t at_all = 0;     // where its slot stands in all_
    std::uint32_t at_subnet = 0;  // … and in its subnet's groups
  };
  // A place in a group, kept when the slot moves there.
  using Position = std::uint32_t Kept::*;

  void add(const PeerEntry& entry);
  void remove(Slot slot);
  void join(std::vector<Slot>& group, Slot slot, Position position);
  void leave(std::vector<Slot>& group, Slot slot, Position position);
  void draw_from(const Groups& groups, std::uint32_t draws, std::uint32_t count, const Asker& asker,
                 std::mt19937_64& random, std::vector<Slot>& chosen) const;

  AddressCounts& counts_;
  std::vector<Kept> kept_;
  std::vector<Slot> free_;
  Groups all_;
  std::unordered_map<PeerIdentity, Slot, PeerIdentityHash> places_;
  std::unordered_map<Endpoint, Slot, SeededHash> by_endpoint_;
  std::unordered_map<AddressBlock, Groups, SeededHash> subnets_;
};

}  // namespace ezio::tracker
