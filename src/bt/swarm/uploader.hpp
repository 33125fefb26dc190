// The serving half of a swarm: answers REQUESTs from the pool, reading segments ahead for whole queues.
//
// A segment is read once however many peers want it, and stays cached until its buffer is needed. Core file;
// part of Swarm.
#pragma once

#include <map>
#include <vector>

#include "bt/swarm/event.hpp"
#include "bt/swarm/swarm_context.hpp"

namespace ezio {

class Uploader {
 public:
  static constexpr std::uint32_t request_queue = 2000;       // REQUESTs that we queue a peer (our reqq)
  static constexpr std::uint32_t largest_request = 1 * MiB;  // bytes; what we serve (our ezio_block)

  explicit Uploader(SwarmContext& context) : context_(context) {}
  ~Uploader();  // releases its buffers; nothing may be using them any more

  void on_request(Peer& peer, const BlockSpan& span);
  void on_cancel(Peer& peer, const BlockSpan& span);
  void on_sent(Peer& peer, const BlockSpan& span);
  void choke(Peer& peer);
  void unchoke(Peer& peer);
  void peer_gone(Peer& peer);

  void on_read(SegmentRef segment, const std::string& error);

  void pump_all();              // tries again where buffers were short
  void tick(Duration elapsed);  // rates, peers that stopped taking data
  std::uint32_t reads_in_flight() const { return static_cast<std::uint32_t>(reading_.size()); }

 private:
  void pump(Peer& peer);
  bool send_front(Peer& peer);
  void read_ahead(const Peer& peer);
  bool start_read(SegmentRef segment);
  void refuse(Peer& peer, const BlockSpan& span);

  SwarmContext& context_;
  std::map<SegmentRef, BufferId> reading_;
};

}  // namespace ezio
