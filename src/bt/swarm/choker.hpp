// Who is served: everyone who is interested, up to a bound. A LAN, not a market.
//
// Beyond the bound, turns are taken: every rotation the ones served longest make room. Core file.
#pragma once

#include <cstdint>
#include <vector>

#include "bt/base/types.hpp"

namespace ezio {

struct ChokeCandidate {
  PeerHandle peer;
  bool interested = false;
  bool unchoked = false;
  TimePoint unchoked_at{};  // the last time; the epoch where never
};

class Choker {
 public:
  explicit Choker(std::uint32_t slots) : slots_(slots) {}

  // The peers to be unchoked now, in no particular order; all others are to be choked. Uninterested peers
  // keep their slot only while nobody else wants it.
  std::vector<PeerHandle> choose(std::vector<ChokeCandidate> candidates, TimePoint now);

 private:
  std::uint32_t slots_;
  TimePoint last_rotation_{};
};

}  // namespace ezio
