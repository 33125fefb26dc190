// Pieces of zeros, which the target makes itself: a bounded number at a time. Core file; part of Swarm.
#pragma once

#include <cassert>
#include <cstdint>
#include <deque>

#include "bt/swarm/swarm_context.hpp"

namespace ezio {

class Zeroing {
 public:
  static constexpr std::uint32_t most_in_flight = 16;

  explicit Zeroing(SwarmContext& context) : context_(context) {}

  void add(PieceIndex piece) { waiting_.push_back(piece); }
  void advance() {
    while (!context_.over && !waiting_.empty() && in_flight_ < most_in_flight) {
      context_.emit(ZeroPiece{waiting_.front()});
      waiting_.pop_front();
      ++in_flight_;
    }
  }
  void done() {
    assert(in_flight_ > 0);
    --in_flight_;
  }
  std::uint32_t in_flight() const { return in_flight_; }

 private:
  SwarmContext& context_;
  std::deque<PieceIndex> waiting_;
  std::uint32_t in_flight_ = 0;
};

}  // namespace ezio
