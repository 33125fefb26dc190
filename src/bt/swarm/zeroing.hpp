// Pieces of zeros, which the targets make themselves: a bounded number at a time. Core file; part of Swarm.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "bt/swarm/swarm_context.hpp"

namespace ezio {

class Zeroing {
 public:
  static constexpr std::uint32_t most_at_once = 16;  // pieces

  explicit Zeroing(SwarmContext& context) : context_(context) {}

  void add(PieceIndex piece) { waiting_.push_back(piece); }

  void advance() {
    while (!context_.over && !waiting_.empty() && at_once_ < most_at_once) {
      const PieceIndex piece = waiting_.front();
      waiting_.pop_front();
      works_.push_back({piece, context_.targets});
      ++at_once_;
      for (TargetIndex target : context_.targets) context_.emit(ZeroPiece{piece, target});
    }
  }

  void answered(PieceIndex piece, TargetIndex target) {
    const auto work = std::find_if(works_.begin(), works_.end(), [&](const Work& w) {
      return w.piece == piece && w.awaited.contains(target);
    });
    assert(work != works_.end());
    work->awaited.erase(target);
    settle(*work);
    if (work->awaited.empty()) works_.erase(work);
  }

  // Its answers may come yet, or never: nobody waits for them.
  void target_lost() {
    for (Work& work : works_) settle(work);
  }

  // Pieces that are zeros now on all targets that have not failed, since the last call.
  std::vector<PieceIndex> take_done() { return std::exchange(done_, {}); }

  std::uint32_t io_in_flight() const {
    std::uint32_t count = 0;
    for (const Work& work : works_) count += work.awaited.size();
    return count;
  }

 private:
  struct Work {
    PieceIndex piece;
    TargetSet awaited;  // who has not answered
    bool done = false;  // but for targets that have failed
  };

  void settle(Work& work) {
    if (work.done || !(work.awaited & context_.targets).empty()) return;
    work.done = true;
    done_.push_back(work.piece);
    --at_once_;
  }

  SwarmContext& context_;
  std::deque<PieceIndex> waiting_;
  std::vector<Work> works_;
  std::uint32_t at_once_ = 0;  // of works_, those not done
  std::vector<PieceIndex> done_;
};

}  // namespace ezio
