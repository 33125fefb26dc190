// Whom to send which segment next.
//
// A host offers a segment to each of our own peers, one at a time, and the peer takes it by requesting it, or
// declines. The sender chooses since it knows which segment is rarest: everyone tells everyone what it has
// and what it is being sent. So a segment leaves a seeder twice only when every other has left it once, and
// nobody is sent the same thing by two.
//
// A segment is offered while it is still on its way to us, to all that lack it: its blocks are passed on as
// they arrive. A seeder's uplink is thus split over the receivers, each gets other segments, and passes them
// on to the rest: everyone's downlink is filled by everyone else, and one that pauses slows the others down
// by its share only. (A chain of hosts, each sending all to the next, is as fast on paper; every pause of
// every host is waited for by all behind it.)
//
// The first copies have to be spread evenly: who gets more of them than it can pass on keeps the others
// waiting. TCP does not share that well, so a receiver that is ahead waits while the uplink is full.
//
// Among equally rare segments those come first whose piece the receiver has in part, then those of the piece
// that was offered last: a piece can be verified, and its buffers be freed, only when all of it is there. One
// that has no buffers for another piece is offered the rest of those that it has in part, however common.
//
// Those who take zstd frames are offered one where there is one: on its way to us, in the pool, or packed
// from the source (FramePolicy), some segments ahead of the receivers.
//
// Core file; part of Swarm.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "bt/swarm/frame_policy.hpp"
#include "bt/swarm/link_use.hpp"
#include "bt/swarm/piece_store.hpp"
#include "bt/swarm/swarm_context.hpp"

namespace ezio {

class UploadPlanner {
 public:
  UploadPlanner(SwarmContext& context, PieceStore& store, FramePolicy frames, std::uint64_t random_seed);

  // Something has changed that may make an offer possible: a segment has come or is coming, a peer is new or
  // has given one up. How transfers go on (below), and time (tick), are noticed without it.
  void note_change() { changed_ = true; }
  void plan();  // after each event: offers what can be offered, has packed what is to be

  // --- how transfers go on ---
  void on_request(PeerHandle peer, const BlockSpan& span);
  void on_taken(PeerHandle peer, SegmentRef segment);  // it says that it is being sent it
  void on_sent(PeerHandle peer, const BlockSpan& span);
  void on_decline(PeerHandle peer, SegmentRef segment);
  void on_over(PeerHandle peer, SegmentRef segment);  // it has it
  void on_over(PeerHandle peer, PieceIndex piece);    // it has the piece, or has given it up
  void peer_gone(PeerHandle peer);
  void piece_gone(PieceIndex piece);  // we cannot send it after all
  // What PieceStore::pack asked for is done: the segment has a frame, or is to be sent as it is.
  void on_packed(SegmentRef segment, bool frame, Duration packing);

  void tick(Duration elapsed);
  double capacity() const { return uplink_.capacity(); }  // of the uplink, bytes a second; 0 where unknown

 private:
  struct Transfer {
    PeerHandle to;
    SegmentRef segment;
    TimePoint since;
    bool taken = false;
    std::uint32_t left = 0;  // bytes that the socket has not taken
    bool framed = false;
  };
  struct Receiver {
    TimePoint resting_until{};       // it declined or did not answer: no offer before then
    TimePoint full_until{};          // it has no buffers for another piece
    std::uint32_t first_copies = 0;  // segments that we gave to it before anyone else had them
  };

  bool uplink_has_room() const;
  bool may_receive(const Peer& peer) const;
  std::size_t most_at_once() const;
  std::vector<Peer*> receivers();
  std::uint32_t fair_first_copies() const;
  bool suits(const Peer& peer, SegmentRef segment) const;
  std::optional<SegmentRef> choose(const Peer& peer, std::uint32_t incomplete);
  std::optional<SegmentRef> choose_framed(const Peer& peer, SegmentRef rarest);
  std::optional<SegmentRef> choose_ready(const Peer& peer, std::uint32_t most_copies, bool of_parts) const;
  template <class Suits>
  std::optional<SegmentRef> rarest(const Peer& peer, PieceIndex last_piece, std::uint32_t incomplete,
                                   Suits suits) const;
  template <class Suits>
  void consider_rest(PieceIndex piece, std::uint32_t below, Suits suits,
                     std::optional<SegmentRef>& best) const;
  bool is_ready(SegmentRef segment) const;
  std::uint32_t most_packing() const;
  bool pool_has_room() const;
  void pack_ahead(std::uint32_t incomplete);
  bool pack(SegmentRef segment);
  bool offer(Peer& peer, std::uint32_t incomplete);
  Transfer* find(PeerHandle peer, SegmentRef segment);
  void end_untaken(PeerHandle peer, SegmentRef segment, Duration rest);

  SwarmContext& context_;
  PieceStore& store_;
  FramePolicy frames_;
  std::deque<SegmentRef> ready_;  // packed, or found not to shrink, and not yet offered
  PieceIndex last_packed_;
  std::vector<Transfer> transfers_;
  std::map<PeerHandle, Receiver> receivers_;
  PieceIndex last_piece_;  // offered to somebody
  LinkUse uplink_;
  std::uint64_t sent_bytes_ = 0;  // since the last tick
  bool changed_ = true;
  std::mt19937_64 random_;
};

}  // namespace ezio
