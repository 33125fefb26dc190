// Who sent what was wrong: suspects, bans, and whose unverified bytes are taken.
//
// A piece that fails its hash bans the peer that sent all of it and said that it had it verified. Where
// several did, each becomes a suspect, and is given pieces alone until one of them proves it right or wrong.
// A peer that passes on what it has not verified yet claims nothing and is never banned for it; but from then
// on we take only verified pieces from it, and the failed piece from nobody but those who claim to have
// verified it.
//
// Knows peers by their handles only. Core file; part of Swarm.
#pragma once

#include <optional>
#include <set>

#include "bt/swarm/piece_download.hpp"

namespace ezio {

class Blame {
 public:
  // The piece's digest is wrong; the peer to be banned, if one is guilty beyond doubt.
  std::optional<PeerHandle> piece_failed(const PieceDownload& download);
  void piece_verified(const PieceDownload& download);
  void peer_gone(PeerHandle peer);

  bool has_failed(PieceIndex piece) const { return failed_.contains(piece); }
  bool is_suspect(PeerHandle peer) const { return suspects_.contains(peer); }
  // Whether blocks of the piece may come from a peer that has not verified it.
  bool may_relay(PeerHandle peer, PieceIndex piece) const {
    return !bad_relays_.contains(peer) && !failed_.contains(piece) && !is_suspect(peer);
  }

 private:
  std::set<PeerHandle> suspects_;    // had a part in a piece that failed
  std::set<PeerHandle> bad_relays_;  // passed on what turned out wrong
  std::set<PieceIndex> failed_;      // and not verified since
};

}  // namespace ezio
