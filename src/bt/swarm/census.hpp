// Who has what: keeps what each peer has told of its pieces, and how rare that makes each piece.
//
// A piece that a peer is being sent counts like one it has: whoever chooses next shall choose another. Core
// file; part of Swarm.
#pragma once

#include "bt/swarm/peer.hpp"
#include "bt/swarm/rarity.hpp"

namespace ezio {

class Census {
 public:
  // Pieces of one peer that may be on their way at once; a peer that claims more is not believed.
  static constexpr std::size_t max_coming = 512;

  Census(PeerTable& peers, std::uint32_t piece_count, bool complete, std::uint64_t random_seed);

  void told(Peer& peer, Bitfield pieces);  // BITFIELD, HAVE_ALL, HAVE_NONE
  void has(Peer& peer, PieceIndex piece);
  bool fetches(Peer& peer, PieceIndex piece);    // it says so; false where it claims too much
  void offered(Peer& peer, PieceIndex piece);    // by us: counts as if it was being sent it already
  void not_taken(Peer& peer, PieceIndex piece);  // unless it has said meanwhile that it is being sent it
  void dropped(Peer& peer, PieceIndex piece);
  void gone(Peer& peer);

  void begin(PieceIndex piece);     // wanted so far; we hold it now, or will
  void put_back(PieceIndex piece);  // begun, and wanted again
  const Rarity& rarity() const { return rarity_; }

 private:
  PeerTable& peers_;
  Rarity rarity_;
};

}  // namespace ezio
