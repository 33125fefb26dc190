// Answers /announce and /scrape: reads the query, tells the registry and the book of hosts, encodes the
// reply.
//
// Core file: times, addresses and the seed are arguments.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "tracker/host_book.hpp"
#include "tracker/registry.hpp"
#include "tracker/state_text.hpp"
#include "tracker/stats_json.hpp"

namespace ezio::tracker {

struct DeskLimits {
  RegistryLimits registry;
  HostLimits hosts;
  Duration report_interval = std::chrono::seconds(5);  // what our own peers are told
};

class AnnounceDesk {
 public:
  using Report = std::function<void(const std::string& line)>;  // to the administrator
  using Refused = std::function<void(const Endpoint& source, const std::string& reason)>;
  // The server's own address, as the one who asks knows it; Endpoint{} where that is not known. Rarely asked
  // for.
  using LocalAddress = std::function<Endpoint()>;
  struct Listeners {
    HostBook::Listener host;
    Refused refused;
    Report report;
  };

  // Random seed: nobody may know it.
  AnnounceDesk(const DeskLimits& limits, std::uint64_t seed, Listeners listeners);

  // The body of the reply to an announce from `source`, who connected to `local`. The query is still
  // percent-encoded.
  std::string announce(std::string_view query, const Endpoint& source, const LocalAddress& local,
                       TimePoint now);
  std::string scrape(std::string_view query);

  void allow_only(const std::unordered_set<InfoHash>& allowed);
  // A torrent as it was before a restart; hosts that were still there are introduced to others again.
  void restore(SavedTorrent torrent, TimePoint now);
  // To be called every second.
  void tick(TimePoint now);

  const Registry& registry() const { return registry_; }
  HostBook& book() { return book_; }
  const HostBook& book() const { return book_; }
  const DeskLimits& limits() const { return limits_; }
  HashSeed seed() const { return seed_; }

  Counters counters;  // those of connections are kept by others

 private:
  Result<AnnounceOutcome> admit(const AnnounceQuery& query, std::string_view text, const Endpoint& source,
                                const LocalAddress& local, TimePoint now);
  std::optional<HostReport> report_in(std::string_view query, const Endpoint& source);
  void name_reachable(std::vector<KnownPeer>& peers, const Endpoint& source, const LocalAddress& local);
  void introduce_again(const InfoHash& info_hash, const Host& host, TimePoint now);
  void explain_loopback(const Endpoint& peer, const std::string& what);

  DeskLimits limits_;
  Random random_;
  HashSeed seed_;
  Registry registry_;
  Listeners listeners_;
  HostBook book_;
  TimePoint next_expiry_;
  std::set<Endpoint> explained_;  // peers on loopback that a line was written about
};

}  // namespace ezio::tracker
