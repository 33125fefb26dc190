#include "bt/swarm/blame.hpp"

namespace ezio {

std::optional<PeerHandle> Blame::piece_failed(const PieceDownload& download) {
  failed_.insert(download.piece());
  const auto contributors = download.contributors();
  if (contributors.size() == 1 && contributors.front().vouched) return contributors.front().peer;
  bool relayed = false;
  for (const auto& [peer, vouched] : contributors) {
    if (vouched) continue;
    bad_relays_.insert(peer);
    relayed = true;
  }
  // With relayed blocks in it nothing is known of the others: the next try, without relays, will tell.
  if (relayed) return std::nullopt;
  for (const auto& contributor : contributors) suspects_.insert(contributor.peer);
  return std::nullopt;
}

void Blame::piece_verified(const PieceDownload& download) {
  failed_.erase(download.piece());
  // Alone responsible for a good piece: cleared. A peer with a bad one in a mixed crowd stays a suspect.
  if (download.exclusive) suspects_.erase(*download.exclusive);
}

void Blame::peer_gone(PeerHandle peer) {
  suspects_.erase(peer);
  bad_relays_.erase(peer);
}

}  // namespace ezio
