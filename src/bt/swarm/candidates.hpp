// The addresses that could be dialled: from trackers, from --peer, from peers that told us their port.
//
// Core file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <random>

#include "bt/base/types.hpp"
#include "bt/wire/announce.hpp"

namespace ezio {

class Candidates {
 public:
  static constexpr std::size_t max_entries = 4000;  // later ones are ignored

  explicit Candidates(std::uint64_t random_seed) : random_(random_seed) {}

  // `permanent` ones (--peer) are dialled for ever; others are given up after some failures, until a tracker
  // names them again.
  void add(const Endpoint& endpoint, bool permanent);
  std::size_t size() const { return entries_.size(); }
  // One that is due and not in use, chosen at random; it counts as in use until failed, closed or barred.
  std::optional<Endpoint> next(TimePoint now);
  void in_use(const Endpoint& endpoint);                 // it has connected to us
  void failed(const Endpoint& endpoint, TimePoint now);  // no connection, or none that lasted: back off
  void closed(const Endpoint& endpoint, TimePoint now);  // after a working connection: soon again
  // Nothing to be had there: not until a tracker names it again, a permanent one after a while.
  void give_up(const Endpoint& endpoint, TimePoint now);
  void forget_unused();                // but permanent ones, until a tracker names them again
  void bar(const Endpoint& endpoint);  // never again: ourselves, or a peer that lies

 private:
  struct Entry {
    bool permanent = false;
    bool busy = false;
    bool barred = false;
    std::uint32_t failures = 0;
    TimePoint next_try{};
  };
  static bool usable(const Entry& entry);
  void due_at(TimePoint time) { none_before_ = std::min(none_before_, time); }

  std::map<Endpoint, Entry> entries_;
  TimePoint none_before_{};  // until then none is due: asked at every tick, and mostly in vain
  std::mt19937_64 random_;
};

}  // namespace ezio
