// Answers REQUESTs: from buffers, reading segments ahead for whole queues, as the sockets take them.
//
// A segment is read once however many peers want it, and stays cached until its buffer is needed. A block of
// a segment that is still on its way to us is sent to our own peers when it is there. They ask for what was
// offered to them (UploadPlanner); others ask for what they like, and get no more of the uplink than one
// receiver's share while our own can use it. Core file; part of Swarm.
#pragma once

#include <vector>

#include "bt/swarm/event.hpp"
#include "bt/swarm/piece_store.hpp"
#include "bt/swarm/swarm_context.hpp"

namespace ezio {

class Uploader {
 public:
  static constexpr std::uint32_t request_queue = 2000;       // REQUESTs that we queue a peer (our reqq)
  static constexpr std::uint32_t largest_request = 1 * MiB;  // bytes; what we serve (our ezio_block)

  // `buffers` of the pool may be sent from, by all torrents that share it.
  Uploader(SwarmContext& context, PieceStore& store, std::uint32_t buffers)
      : context_(context), store_(store), most_buffers_(buffers) {}
  ~Uploader();  // the sockets have let go of everything

  void on_request(Peer& peer, const BlockSpan& span);
  void on_cancel(Peer& peer, const BlockSpan& span);
  void on_sent(Peer& peer, const BlockSpan& span);
  void choke(Peer& peer);
  void unchoke(Peer& peer);
  void peer_gone(Peer& peer);
  void piece_gone(PieceIndex piece);    // we cannot send it after all: who waits for it is told
  void frame_gone(SegmentRef segment);  // the same, of the segment's frame alone

  void on_read(SegmentRef segment, TargetIndex target, const std::string& error);

  void pump_all();                               // tries again: buffers were short, or a piece has grown
  void tick(Duration elapsed, double capacity);  // rates, peers that stopped taking data

 private:
  void pump(Peer& peer);
  std::uint64_t most_sending_bytes(const Peer& peer) const;
  bool has_credit(const Peer& peer) const;
  bool send_next(Peer& peer);
  void read_ahead(const Peer& peer);
  std::uint32_t segments_ahead() const;
  bool is_here(const Peer& peer, const BlockSpan& span) const;
  void refuse(Peer& peer, const BlockSpan& span);
  template <class Is>
  void refuse_all(Is is);

  void unpin(BufferId buffer);
  bool may_pin(const Peer& peer) const;

  SwarmContext& context_;
  PieceStore& store_;
  const std::uint32_t most_buffers_;  // of the pool, that may be sent from
  std::uint32_t blocks_sending_ = 0;
  bool ours_lack_ = false;  // one of our own peers is connected and not complete
};

}  // namespace ezio
