// How often a piece that only its sender has may come out wrong, and when that ends the clone.
//
// A bit that fell over once in a source's memory is no reason to do without the only source, and a rotten
// block of its disk is one to say so. So the piece is tried again, a bounded number of times, then given up
// with that source, whose other pieces are still taken. Whoever comes first and lies must not end a clone
// whose honest source comes a second later: given up is the clone only when nobody who has the piece shows up
// for a while.
//
// Pure; holds an entry for each piece that failed. Core file; part of Swarm.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "bt/base/types.hpp"

namespace ezio {

class Trials {
 public:
  static constexpr std::uint32_t most_failures = 3;
  static constexpr Duration patience = std::chrono::seconds(30);          // while nobody has the piece
  static constexpr Duration longest_patience = std::chrono::minutes(10);  // whoever claims to have it

  enum class Verdict { again, given_up };
  // The piece was wrong, all of it from `source`, and no other peer has it.
  Verdict failed(PieceIndex piece, const std::string& source, TimePoint now) {
    Trial& trial = trials_[piece];
    trial.source = source;
    if (++trial.failures < most_failures) return Verdict::again;
    if (trial.failures == most_failures) trial.given_up_at = now;
    return Verdict::given_up;
  }
  void verified(PieceIndex piece) { trials_.erase(piece); }
  std::size_t size() const { return trials_.size(); }

  // Why the clone is to end, if it is. somebody_has(piece): a peer is connected who says so.
  template <class SomebodyHas>
  std::optional<std::string> hopeless(TimePoint now, SomebodyHas somebody_has) const {
    for (const auto& [piece, trial] : trials_) {
      if (trial.failures < most_failures) continue;
      const Duration waited = now - trial.given_up_at;
      if (waited < patience || (waited < longest_patience && somebody_has(piece))) continue;
      return "the source's piece " + std::to_string(piece.value()) + " is wrong: " + trial.source +
             " sent it " + std::to_string(trial.failures) +
             " times with a wrong hash, and nobody has a right one";
    }
    return std::nullopt;
  }

 private:
  struct Trial {
    std::uint32_t failures = 0;
    TimePoint given_up_at{};
    std::string source;  // the latest
  };
  std::map<PieceIndex, Trial> trials_;
};

}  // namespace ezio
