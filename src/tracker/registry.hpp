// Who is in which swarm: takes announces, gives random peers, forgets those who went silent.
//
// Core file: time and randomness are arguments. Memory is bounded by RegistryLimits.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bt/base/endpoint.hpp"
#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "tracker/announce_query.hpp"
#include "tracker/swarm_table.hpp"

namespace ezio::tracker {

using Random = std::mt19937_64;

struct RegistryLimits {
  Duration interval = std::chrono::seconds(60);      // what peers are told to wait between announces
  Duration min_interval = std::chrono::seconds(10);  // at least, also when they need more peers
  std::uint32_t default_peers = 50;                  // given to a client that does not say numwant
  std::uint32_t max_peers_a_reply = 200;
  std::size_t max_swarms = 10'000;
  std::size_t max_peers = 200'000;            // in all swarms together
  std::uint32_t max_peers_an_address = 1024;  // likewise; IPv6 counts by /64
};

struct SwarmCounts {
  std::uint32_t seeders = 0;
  std::uint32_t leechers = 0;
  std::uint64_t completed = 0;  // peers that said `completed` since the swarm is known
};

struct KnownPeer {
  PeerId peer_id;
  Endpoint endpoint;
};

struct AnnounceOutcome {
  Duration interval{};
  Duration min_interval{};
  std::optional<Duration> report_interval;  // told to our own peers; others ignore it
  SwarmCounts counts;
  std::vector<KnownPeer> peers;  // never the asker
};

class Registry {
 public:
  // The seed is random and told nobody, so that strangers cannot choose colliding keys.
  explicit Registry(RegistryLimits limits, HashSeed seed = {})
      : limits_(limits), hash_(seed), counts_(seed), swarms_(0, hash_) {}
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // From now on only these info-hashes are known; swarms of others are dropped. Without a call every
  // info-hash is accepted.
  void allow_only(std::unordered_set<InfoHash> allowed);

  // `source` is the address the announce came from; its port is ignored for the query's. A peer is known by
  // its peer id, key and address family, so that a host which announces over IPv4 and IPv6 is in the swarm
  // with both addresses, and a peer whose address changes is moved. Another peer's entry with the same
  // address and port is replaced: its process is gone. Leechers (left > 0) get a random choice of everyone,
  // those of their own subnet first (SwarmTable::draw), seeders one of the leechers, `stopped` gets nobody.
  // An error is fit to be a `failure reason`.
  Result<AnnounceOutcome> announce(const AnnounceQuery& query, const Endpoint& source, TimePoint now,
                                   Random& random);

  // SwarmCounts::completed as it was before a restart. Of a swarm that nobody is in it is not kept.
  void restore_completed(const InfoHash& info_hash, std::uint64_t count);

  // Empty for an info-hash that is not known (or not allowed).
  std::optional<SwarmCounts> scrape(const InfoHash& info_hash) const;

  // Removes peers that were silent for two intervals and half a minute, and then empty swarms that are not on
  // the list of allow_only. Linear in the number of peers: to be called every few seconds.
  void expire(TimePoint now);

  std::size_t swarm_count() const { return swarms_.size(); }
  std::size_t peer_count() const { return counts_.total(); }
  std::vector<InfoHash> info_hashes() const;  // in ascending order
  Duration lifetime() const { return 2 * limits_.interval + std::chrono::seconds(30); }

 private:
  struct Swarm {
    Swarm(AddressCounts& counts, HashSeed seed) : table(counts, seed) {}

    SwarmTable table;
    std::uint64_t completed = 0;
  };

  Result<Swarm*> swarm_for(const AnnounceQuery& query);
  PeerIdentity identity_of(const AnnounceQuery& query, const Endpoint& endpoint) const;
  Result<void> check_room(const Endpoint& endpoint) const;
  AnnounceOutcome outcome_for(const Swarm& swarm) const;
  void enter(Swarm& swarm, const AnnounceQuery& query, const Endpoint& endpoint, TimePoint now);

  RegistryLimits limits_;
  SeededHash hash_;
  AddressCounts counts_;  // of all peers; goes after the swarms
  std::optional<std::unordered_set<InfoHash>> allowed_;
  std::unordered_map<InfoHash, Swarm, SeededHash> swarms_;
};

}  // namespace ezio::tracker
