// Whether a target holds what was written: passes over all of it, until one finds nothing wrong.
//
// A write may be dropped, altered or go astray over another piece, so each pass looks at everything. What is
// wrong once is fetched and written again; what is wrong twice, or a third pass that still finds something,
// is a device that cannot be trusted. Core file; part of Swarm.
#pragma once

#include <cstdint>
#include <set>

#include "bt/base/types.hpp"

namespace ezio {

class ReadBack {
 public:
  static constexpr std::uint32_t most_passes = 3;

  void begin_pass() {
    ++passes_;
    seen_ = 0;
    wrong_in_pass_ = 0;
  }
  void seen() { ++seen_; }
  // False: it will not get better.
  bool may_repair(PieceIndex piece) {
    ++wrong_in_pass_;
    return wrong_.insert(piece).second && passes_ < most_passes;
  }
  bool all_right() const { return wrong_in_pass_ == 0; }
  std::uint32_t pieces_seen() const { return seen_; }  // in this pass

 private:
  std::uint32_t passes_ = 0;
  std::uint32_t seen_ = 0;
  std::uint32_t wrong_in_pass_ = 0;
  std::set<PieceIndex> wrong_;  // ever
};

}  // namespace ezio
