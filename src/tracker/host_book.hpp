// The hosts of every torrent: who is how far, who is lost, who failed; and what of it changed.
//
// Core file: time and randomness are arguments. Memory is bounded by HostLimits.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <unordered_set>
#include <vector>

#include "tracker/host_life.hpp"
#include "tracker/host_table.hpp"

namespace ezio::tracker {

class HostBook {
 public:
  // Something that happened to a host, which is still there. Must not call the book.
  using Listener = std::function<void(HostEvent event, const InfoHash& info_hash, const Host& host)>;
  struct Removal {
    InfoHash info_hash;
    std::uint64_t id = 0;
  };

  HostBook(HostLimits limits, Silence silence, HashSeed seed, Listener listener)
      : limits_(limits), silence_(silence), seed_(seed), counts_(seed), listener_(std::move(listener)) {}
  HostBook(const HostBook&) = delete;
  HostBook& operator=(const HostBook&) = delete;

  // An announce that the registry took, and the report that came with it, or null.
  void take(const AnnounceQuery& query, const Endpoint& endpoint, const HostReport* report, TimePoint now,
            std::mt19937_64& random);

  // Finds out who is lost. To be called every second.
  void tick(TimePoint now);

  // Hosts of other torrents are dropped.
  void keep_only(const std::unordered_set<InfoHash>& allowed);

  // What was before a restart.
  void restore(const InfoHash& info_hash, Host host);
  void restore(const InfoHash& info_hash, RateCurve curve) { table_of(info_hash).curve = std::move(curve); }

  const std::map<InfoHash, HostTable>& tables() const { return tables_; }
  std::size_t size() const { return counts_.total(); }

  // Grows with everything that changes; Host::change is what it was then.
  std::uint64_t change() const { return change_; }
  // Who was removed since the last call. More than max_removals are not kept: `complete` is false then.
  struct Removals {
    std::vector<Removal> hosts;
    bool complete = true;
  };
  Removals take_removals();
  static constexpr std::size_t max_removals = 10'000;

 private:
  HostTable& table_of(const InfoHash& info_hash);
  Host* enter(HostTable& table, const AnnounceQuery& query, const Endpoint& endpoint, TimePoint now,
              std::mt19937_64& random);
  void tell(HostEvent event, const InfoHash& info_hash, Host& host);
  void introduce(const InfoHash& info_hash, Host& host);
  void count_report(Host& host);
  std::optional<HostReport> shortened(const HostReport& report, const Host& host) const;
  void forget_predecessor(HostTable& table, const Host& host, const HostReport* report);
  bool has_successor(const HostTable& table, const Host& host) const;
  void pass_time(const InfoHash& info_hash, HostTable& table, TimePoint now);

  HostLimits limits_;
  Silence silence_;
  HashSeed seed_;
  AddressCounts counts_;
  Listener listener_;
  std::map<InfoHash, HostTable> tables_;
  std::uint64_t change_ = 0;
  Removals removals_;
  std::size_t report_bytes_ = 0;  // of all hosts
};

}  // namespace ezio::tracker
