#include "bt/swarm/choker.hpp"

#include <algorithm>

namespace ezio {
namespace {

constexpr std::chrono::seconds rotation{10};

}  // namespace

std::vector<PeerHandle> Choker::choose(std::vector<ChokeCandidate> candidates, TimePoint now) {
  std::erase_if(candidates, [](const ChokeCandidate& c) { return !c.interested && !c.unchoked; });
  const bool full = candidates.size() > slots_;
  const bool rotate = full && now - last_rotation_ >= rotation;
  if (rotate) last_rotation_ = now;
  // Interested before uninterested. Then those served already, the latest first; in a rotation those who
  // wait come first. Of those who wait, the ones whose turn is longest ago.
  auto before = [&](const ChokeCandidate& a, const ChokeCandidate& b) {
    if (a.interested != b.interested) return a.interested;
    if (a.unchoked != b.unchoked) return rotate ? b.unchoked : a.unchoked;
    return a.unchoked ? a.unchoked_at > b.unchoked_at : a.unchoked_at < b.unchoked_at;
  };
  std::stable_sort(candidates.begin(), candidates.end(), before);
  if (full) candidates.resize(slots_);
  std::vector<PeerHandle> chosen;
  for (const ChokeCandidate& candidate : candidates) chosen.push_back(candidate.peer);
  return chosen;
}

}  // namespace ezio
