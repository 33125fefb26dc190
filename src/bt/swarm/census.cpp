#include "bt/swarm/census.hpp"

#include <cassert>

namespace ezio {

Census::Census(PeerTable& peers, const Geometry& geometry, bool complete, const Bitfield& aside,
               std::uint64_t random_seed)
    : peers_(peers),
      geometry_(geometry),
      rarity_(geometry, complete ? Rarity::Set::held : Rarity::Set::wanted, aside, random_seed) {}

void Census::told(Peer& peer, Bitfield pieces) {
  gone(peer);
  peer.pieces.told = true;
  peer.pieces.have = std::move(pieces);
  rarity_.add(peer.pieces.have);
  peer.pieces.missing = rarity_.count_wanted(peer.pieces.have);
}

void Census::gone(Peer& peer) {
  while (!peer.pieces.parts.empty()) dropped(peer, peer.pieces.parts.back().piece);
  if (peer.pieces.told) rarity_.remove(peer.pieces.have);
  peer.pieces.told = false;
}

void Census::has(Peer& peer, PieceIndex piece) {
  if (!peer.pieces.have.set(piece)) return;
  peer.pieces.told = true;
  const PeerPieces::Part* part = peer.pieces.part(piece);
  const std::uint64_t known = part != nullptr ? part->all() : 0;
  for (SegmentRef segment{piece, 0}; geometry_.contains(segment); ++segment.segment) {
    if ((known & PeerPieces::bit(segment)) == 0) rarity_.add(segment);
    if (rarity_.in(Rarity::Set::wanted, segment)) ++peer.pieces.missing;
  }
  std::erase_if(peer.pieces.parts, [&](const auto& p) { return p.piece == piece; });
  if (peer.pieces.have.all()) rarity_.became_seed();
}

// ---------------------------------------------------------------- pieces in part

// Null where it would have more of them than anybody can.
PeerPieces::Part* Census::part_of(Peer& peer, PieceIndex piece) {
  if (PeerPieces::Part* part = peer.pieces.part(piece)) return part;
  if (peer.pieces.parts.size() >= max_parts) return nullptr;
  return &peer.pieces.parts.emplace_back(PeerPieces::Part{piece});
}

bool Census::fetches(Peer& peer, SegmentRef segment) {
  if (peer.pieces.have.test(segment.piece)) return true;
  PeerPieces::Part* part = part_of(peer, segment.piece);
  if (part == nullptr) return false;
  const std::uint64_t bit = PeerPieces::bit(segment);
  if ((part->all() & bit) == 0) rarity_.add(segment);
  part->offered &= ~bit;
  part->fetching |= bit & ~part->arrived;
  return true;
}

bool Census::received(Peer& peer, SegmentRef segment) {
  if (!fetches(peer, segment)) return false;
  PeerPieces::Part* part = peer.pieces.part(segment.piece);
  if (part == nullptr) return true;  // it has all of the piece
  part->fetching &= ~PeerPieces::bit(segment);
  part->arrived |= PeerPieces::bit(segment);
  return true;
}

void Census::offered(Peer& peer, SegmentRef segment) {
  assert(peer.pieces.lacks(segment));
  PeerPieces::Part* part = peer.pieces.part(segment.piece);
  if (part == nullptr) part = &peer.pieces.parts.emplace_back(PeerPieces::Part{segment.piece});
  part->offered |= PeerPieces::bit(segment);
  rarity_.add(segment);
}

void Census::not_taken(Peer& peer, SegmentRef segment) {
  PeerPieces::Part* part = peer.pieces.part(segment.piece);
  if (part == nullptr || (part->offered & PeerPieces::bit(segment)) == 0) return;
  part->offered &= ~PeerPieces::bit(segment);
  rarity_.remove(segment);
  if (part->all() == 0) dropped(peer, segment.piece);
}

void Census::dropped(Peer& peer, PieceIndex piece) {
  const PeerPieces::Part* part = peer.pieces.part(piece);
  if (part == nullptr) return;
  for (SegmentRef segment{piece, 0}; geometry_.contains(segment); ++segment.segment) {
    if ((part->all() & PeerPieces::bit(segment)) != 0) rarity_.remove(segment);
  }
  std::erase_if(peer.pieces.parts, [&](const auto& p) { return p.piece == piece; });
}

// ---------------------------------------------------------------- our own

void Census::begin(SegmentRef segment) {
  move(segment, Rarity::Set::held);
}

void Census::put_back(SegmentRef segment) {
  move(segment, Rarity::Set::wanted);
}

void Census::move(PieceIndex piece, Rarity::Set to) {
  for (SegmentRef segment{piece, 0}; geometry_.contains(segment); ++segment.segment) {
    if (!rarity_.in(to, segment)) move(segment, to);
  }
}

void Census::move(SegmentRef segment, Rarity::Set to) {
  const bool was_wanted = rarity_.in(Rarity::Set::wanted, segment);
  rarity_.move(segment, to);
  const bool is_wanted = rarity_.in(Rarity::Set::wanted, segment);
  if (was_wanted == is_wanted) return;
  for (auto& [handle, peer] : peers_) {
    if (!peer.pieces.told || !peer.pieces.have.test(segment.piece)) continue;
    peer.pieces.missing += is_wanted;
    peer.pieces.missing -= was_wanted;
  }
}

}  // namespace ezio
