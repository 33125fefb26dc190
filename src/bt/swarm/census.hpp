// Who has what: keeps what each peer has told of its pieces, and how rare that makes each segment.
//
// A segment that a peer is being sent counts like one it has: whoever chooses next shall choose another. Core
// file; part of Swarm.
#pragma once

#include "bt/swarm/peer.hpp"
#include "bt/swarm/rarity.hpp"

namespace ezio {

class Census {
 public:
  // Pieces that one peer may have in part; a peer that claims more is not believed.
  static constexpr std::size_t max_parts = 512;

  // Pieces in `aside` are fetched from nobody, nor offered to our own.
  Census(PeerTable& peers, const Geometry& geometry, bool complete, const Bitfield& aside,
         std::uint64_t random_seed);

  void told(Peer& peer, Bitfield pieces);  // BITFIELD, HAVE_ALL, HAVE_NONE
  void has(Peer& peer, PieceIndex piece);
  // It is being sent the segment, or has it now, unverified; it says so: false where it claims too much.
  bool fetches(Peer& peer, SegmentRef segment);
  bool received(Peer& peer, SegmentRef segment);
  void offered(Peer& peer, SegmentRef segment);    // by us: counts as if it was being sent it already
  void not_taken(Peer& peer, SegmentRef segment);  // unless it has said meanwhile that it is being sent it
  void dropped(Peer& peer, PieceIndex piece);
  void gone(Peer& peer);

  void begin(SegmentRef segment);               // wanted so far; we hold it now, or will
  void put_back(SegmentRef segment);            // begun, and wanted again
  void move(PieceIndex piece, Rarity::Set to);  // all of its segments
  bool unsure(PieceIndex piece) const { return rarity_.in(Rarity::Set::unsure, {piece, 0}); }
  // Nothing is left to begin, now or when the target has been looked at.
  bool all_begun() const {
    return rarity_.count(Rarity::Set::wanted) == 0 && rarity_.count(Rarity::Set::unsure) == 0;
  }
  const Rarity& rarity() const { return rarity_; }

 private:
  PeerPieces::Part* part_of(Peer& peer, PieceIndex piece);
  void move(SegmentRef segment, Rarity::Set to);

  PeerTable& peers_;
  Geometry geometry_;
  Rarity rarity_;
};

}  // namespace ezio
