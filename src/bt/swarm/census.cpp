#include "bt/swarm/census.hpp"

#include <algorithm>
#include <cassert>

namespace ezio {
namespace {

// Takes it off the pieces that are on their way to the peer, if which(it); whether it was among them.
template <class Which>
bool take_off(PeerPieces& pieces, PieceIndex piece, Which which) {
  return std::erase_if(pieces.coming, [&](const auto& c) { return c.piece == piece && which(c); }) > 0;
}
bool take_off(PeerPieces& pieces, PieceIndex piece) {
  return take_off(pieces, piece, [](const auto&) { return true; });
}

}  // namespace

Census::Census(PeerTable& peers, std::uint32_t piece_count, bool complete, std::uint64_t random_seed)
    : peers_(peers), rarity_(piece_count, complete ? Rarity::Set::held : Rarity::Set::wanted, random_seed) {}

void Census::told(Peer& peer, Bitfield pieces) {
  gone(peer);
  peer.pieces.told = true;
  peer.pieces.have = std::move(pieces);
  rarity_.add(peer.pieces.have);
  peer.pieces.missing = rarity_.count(Rarity::Set::wanted, peer.pieces.have);
}

void Census::gone(Peer& peer) {
  for (const auto& coming : peer.pieces.coming) rarity_.remove(coming.piece);
  peer.pieces.coming.clear();
  if (peer.pieces.told) rarity_.remove(peer.pieces.have);
  peer.pieces.told = false;
}

void Census::has(Peer& peer, PieceIndex piece) {
  if (!peer.pieces.have.set(piece)) return;
  peer.pieces.told = true;
  if (!take_off(peer.pieces, piece)) rarity_.add(piece);
  if (peer.pieces.have.all()) rarity_.became_seed();
  if (rarity_.in(Rarity::Set::wanted, piece)) ++peer.pieces.missing;
}

bool Census::fetches(Peer& peer, PieceIndex piece) {
  auto& coming = peer.pieces.coming;
  if (peer.pieces.have.test(piece)) return true;
  const auto known =
      std::find_if(coming.begin(), coming.end(), [&](const auto& c) { return c.piece == piece; });
  if (known != coming.end()) {
    known->told = true;
    return true;
  }
  if (coming.size() >= max_coming) return false;
  coming.push_back({piece, true});
  rarity_.add(piece);
  return true;
}

void Census::offered(Peer& peer, PieceIndex piece) {
  assert(peer.pieces.lacks(piece));
  peer.pieces.coming.push_back({piece, false});
  rarity_.add(piece);
}

void Census::not_taken(Peer& peer, PieceIndex piece) {
  if (take_off(peer.pieces, piece, [](const auto& coming) { return !coming.told; })) rarity_.remove(piece);
}

void Census::dropped(Peer& peer, PieceIndex piece) {
  if (take_off(peer.pieces, piece)) rarity_.remove(piece);
}

void Census::begin(PieceIndex piece) {
  rarity_.move(piece, Rarity::Set::held);
  for (auto& [handle, peer] : peers_) {
    if (peer.pieces.told && peer.pieces.have.test(piece)) --peer.pieces.missing;
  }
}

void Census::put_back(PieceIndex piece) {
  rarity_.move(piece, Rarity::Set::wanted);
  for (auto& [handle, peer] : peers_) {
    if (peer.pieces.told && peer.pieces.have.test(piece)) ++peer.pieces.missing;
  }
}

}  // namespace ezio
