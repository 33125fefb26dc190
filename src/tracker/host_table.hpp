// The hosts of one torrent: found by what they announce, bounded in number, fair to every address.
//
// Core file.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>

#include "tracker/address_counts.hpp"
#include "tracker/host.hpp"
#include "tracker/rate_curve.hpp"
#include "tracker/seeded_hash.hpp"

namespace ezio::tracker {

struct HostLimits {
  std::size_t hosts_a_torrent = 2000;
  std::size_t hosts = 5000;               // of all torrents
  std::uint32_t hosts_an_address = 1024;  // of all torrents
  // Of the texts of all reports together; once there are more, each report that comes is cut to the latter.
  std::size_t report_bytes = std::size_t{4} << 20;
  std::size_t short_report_bytes = 512;
};

// By what a host is recognized; both of its address families have the same.
struct HostKey {
  PeerId peer_id;
  std::string key;
  bool operator==(const HostKey&) const = default;
};

class HostKeyHash : public SeededHash {
 public:
  using SeededHash::SeededHash;
  std::size_t operator()(const HostKey& key) const;
};

class HostTable {
 public:
  using Gone = std::function<void(const Host& host)>;

  // `counts` is that of all tables, and outlives them. `gone` hears of each host before it is removed.
  HostTable(const HostLimits& limits, AddressCounts& counts, HashSeed seed, Gone gone)
      : limits_(limits),
        counts_(counts),
        own_counts_(seed),
        index_(0, HostKeyHash(seed)),
        gone_(std::move(gone)) {}
  ~HostTable();
  HostTable(const HostTable&) = delete;
  HostTable& operator=(const HostTable&) = delete;

  Host* find(const PeerId& peer_id, const std::string& key);

  // Adds a host that is not there yet. Where a limit is reached another gives way: of the address that has
  // most, or of its own, one that is over before one that is not, the oldest first. Null where none has to:
  // the host is not listed then.
  Host* add(Host host);
  void remove(const Host& host);

  // In the order in which they came. Their key and first address stay as they are; `moved` tells that the
  // address changes.
  std::list<Host>& hosts() { return hosts_; }
  const std::list<Host>& hosts() const { return hosts_; }
  void moved(const Endpoint& from, const Endpoint& to);

  RateCurve curve;

 private:
  using Place = std::list<Host>::iterator;

  bool make_room(const Endpoint& endpoint);
  Place oldest_of(const AddressBlock& block, bool over_only);
  bool give_way(const AddressBlock& block, bool over_only);
  void erase(Place place);

  const HostLimits& limits_;
  AddressCounts& counts_;
  AddressCounts own_counts_;
  std::list<Host> hosts_;
  std::unordered_map<HostKey, Place, HostKeyHash> index_;
  Gone gone_;
};

}  // namespace ezio::tracker
