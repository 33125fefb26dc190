// What to ask of whom, how far ahead, and for how long.
//
// Our own peers offer segments (UploadPlanner): an offer that is taken makes its sender the segment's source,
// which is asked for all of it, block by block, as far ahead as its rate and the delay ask for. Everyone else
// is asked for what is left of pieces in progress, then for the rarest piece that they have. What is left of
// a segment whose source is late, gone or slow is asked of whoever has it; when nothing is left to begin,
// blocks are asked of two (endgame), and the first copy cancels the other.
//
// No request without a buffer for the whole piece. Core file; part of Swarm, which forwards events and closes
// the peers that are doomed here.
#pragma once

#include <optional>

#include "bt/swarm/blame.hpp"
#include "bt/swarm/event.hpp"
#include "bt/swarm/link_use.hpp"
#include "bt/swarm/piece_store.hpp"
#include "bt/swarm/swarm_context.hpp"

namespace ezio {

class RequestPipeline {
 public:
  RequestPipeline(SwarmContext& context, PieceStore& store, Blame& blame, std::uint32_t largest_request);

  bool interesting(const Peer& peer) const;  // it has a piece that we have not verified

  // --- the peer's answers ---
  // `frame`: as which it is offered, where it is.
  void on_offer(Peer& peer, SegmentRef segment, SegmentFrame frame = {});
  void on_choke(Peer& peer);
  void on_reject(Peer& peer, const BlockSpan& span);
  void on_block_header(Peer& peer, const BlockSpan& span);
  void on_block_progress(Peer& peer, std::uint32_t bytes);
  // The piece that grew by it, if it was wanted.
  PieceDownload* on_block_received(Peer& peer, const BlockSpan& span);
  void peer_gone(Peer& peer);

  // The piece is worth nothing: whoever is still asked for a part of it is no longer, and it is wanted again.
  void give_up(PieceIndex piece);

  void fill(Peer& peer);  // asks for as many blocks as the peer's window takes
  void fill_all();
  void tick(Duration elapsed);  // rates and time-outs
  // Those of whose frame something is missing, and nobody is asked for it: they are fetched as they are.
  void drop_lost_frames();

  struct Received {
    std::uint64_t wasted = 0;      // payload bytes received and dropped
    std::uint64_t duplicate = 0;   // of them, bytes that were there or arriving already
    std::uint64_t from_seeds = 0;  // bytes into pieces, from peers that had everything
    std::uint64_t from_leechers = 0;
  };
  const Received& received() const { return received_; }
  void add_wasted(std::uint64_t bytes) { received_.wasted += bytes; }
  std::uint64_t progress() const { return progress_; }  // grows with each whole block

 private:
  std::uint64_t window_bytes(const Peer& peer) const;
  std::uint32_t request_bytes(const Peer& peer) const;
  bool takes(const Peer& peer, SegmentRef segment) const;
  bool can_send(const Peer& peer, SegmentRef segment) const;
  std::optional<BlockSpan> choose(Peer& peer);
  std::optional<BlockSpan> choose_from_begun(const Peer& peer);
  bool may_ask(const Peer& peer, const PieceDownload& download, std::uint32_t segment) const;
  bool is_late(const PieceDownload& download, std::uint32_t segment) const;
  double least_seconds() const;
  bool may_begin(const Peer& peer) const;
  bool nothing_is_coming() const;
  std::optional<BlockSpan> take_over(const Peer& peer);
  bool may_have_frame(const Peer& peer, const PieceDownload& download, std::uint32_t segment) const;
  void leave_other_form(PieceDownload& download, std::uint32_t segment, SegmentFrame frame);
  void drop_frame(PieceDownload& download, std::uint32_t segment);
  bool drop_frames(PieceDownload& download);
  PieceDownload* start(PieceIndex piece);
  void begin(PieceDownload& download, std::uint32_t segment);
  std::optional<BlockSpan> begin_next(const Peer& peer);
  bool abandon_orphan();
  std::optional<BlockSpan> choose_duplicate(const Peer& peer);
  void send_request(Peer& peer, const BlockSpan& span);
  void release(Peer& peer, OutstandingRequest& request);
  void release_all(Peer& peer);
  void let_go(const Peer& peer);
  void cancel_elsewhere(const Peer& receiver, const BlockSpan& span);
  static Duration time_for(const BlockSpan& span);
  void check_timeouts(Peer& peer);
  bool is_missed(const Peer& peer, Duration silence) const;
  void snub(Peer& peer);

  SwarmContext& context_;
  PieceStore& store_;
  Blame& blame_;
  std::uint32_t largest_request_;
  TimePoint last_welcome_offer_{};  // taken, if there were buffers
  LinkUse downlink_;
  std::uint64_t received_at_tick_ = 0;  // bytes
  Received received_;
  std::uint64_t arrived_ = 0;   // bytes, of blocks that are not whole yet, too
  std::uint64_t progress_ = 0;  // bytes of whole blocks
};

}  // namespace ezio
