// Whom to send which piece next.
//
// A host that has room on its uplink offers a piece to one of our own peers, which takes it by requesting it
// or declines. The sender chooses since it knows both sides of a transfer: what its own uplink does, and,
// since everyone tells everyone what it has and what it is being sent, which receiver gets least and which
// piece is rarest. So a piece leaves a seeder twice only when every other has left it once, nobody is sent
// the same thing by two, and few transfers at a time run to completion instead of many side by side.
//
// A piece may be offered while it is still on its way to us: its blocks are passed on as they arrive.
//
// Core file; part of Swarm.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <vector>

#include "bt/swarm/link_plan.hpp"
#include "bt/swarm/piece_store.hpp"
#include "bt/swarm/swarm_context.hpp"

namespace ezio {

class UploadPlanner {
 public:
  UploadPlanner(SwarmContext& context, const PieceStore& store, std::uint64_t random_seed);

  void plan();  // offers as much as there is room for

  // --- how transfers go on ---
  bool offered(PeerHandle peer, PieceIndex piece) {
    return find(peer, piece) != nullptr;
  }                                                  // and not over yet
  void on_taken(PeerHandle peer, PieceIndex piece);  // it asks for it, or says that it is being sent it
  void on_sent(PeerHandle peer, const BlockSpan& span);
  void on_decline(PeerHandle peer, PieceIndex piece);
  void on_over(PeerHandle peer, PieceIndex piece);  // it has the piece, or has given it up
  void peer_gone(PeerHandle peer);
  void piece_gone(PieceIndex piece);  // we cannot send it after all

  void tick(Duration elapsed);
  double capacity() const { return uplink_.capacity(); }  // of the uplink, bytes a second; 0 where unknown

 private:
  struct Transfer {
    PeerHandle to;
    PieceIndex piece;
    TimePoint since;
    bool taken = false;
    std::uint32_t left = 0;  // bytes that the socket has not taken
    Rate rate;
  };
  struct Receiver {
    Peer* peer;
    std::size_t load;   // pieces on their way to it
    bool other;         // than whom we sent to last: a flow that goes on is worth more than a new one
    std::uint32_t has;  // pieces
    std::uint64_t tie;
  };

  bool has_room() const;
  double planned_bytes(const Transfer& transfer) const;
  bool may_receive(const Peer& peer) const;
  std::vector<Receiver> receivers();
  bool suits(const Peer& peer, PieceIndex piece) const;
  bool offer_one();
  Transfer* find(PeerHandle peer, PieceIndex piece);
  void end_untaken(PeerHandle peer, PieceIndex piece, Duration rest);

  SwarmContext& context_;
  const PieceStore& store_;
  std::vector<Transfer> transfers_;
  std::map<PeerHandle, TimePoint> resting_;  // declined or did not answer: no offer before then
  std::optional<PeerHandle> last_;           // receiver of the latest offer
  LinkPlan uplink_;
  std::uint64_t sent_bytes_ = 0;  // since the last tick
  std::mt19937_64 random_;
};

}  // namespace ezio
