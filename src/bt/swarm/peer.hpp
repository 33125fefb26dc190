// One connection's state, as both sides have told it to each other.
//
// Data without I/O: the Downloader owns the meaning of the request queue, the Uploader that of the upload
// queue, the Swarm the rest. Core file.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "bt/base/bitfield.hpp"
#include "bt/base/types.hpp"
#include "bt/swarm/rate.hpp"
#include "bt/wire/announce.hpp"
#include "bt/wire/wire.hpp"

namespace ezio {

// A REQUEST on its way. `released` once its blocks were given back (timed out, cancelled, choked): the peer
// may still answer it, and the answer is taken if the blocks are still wanted.
struct OutstandingRequest {
  BlockSpan span;
  TimePoint sent;
  bool released = false;
};

// A PIECE handed to the socket whose buffer stays pinned until the socket has taken it.
struct SendingBlock {
  BlockSpan span;
  BufferId buffer;
};

struct Peer {
  enum class State { connecting, handshaking, active };

  PeerHandle handle;
  Endpoint remote;
  bool incoming = false;
  State state = State::connecting;
  TimePoint since;  // when it entered the state

  PeerId id;
  bool fast = false;        // BEP 6 on both sides
  bool extensions = false;  // BEP 10
  std::optional<std::uint16_t> listen_port;
  std::string client;

  Bitfield pieces;
  bool told_pieces = false;   // sent BITFIELD, HAVE_ALL, HAVE_NONE or a HAVE
  std::uint32_t missing = 0;  // pieces that it has, and that we have not begun

  bool choking_us = true;
  bool we_are_interested = false;
  bool interested_in_us = false;
  bool we_are_choking = true;
  TimePoint unchoked_at;

  // Download.
  std::deque<OutstandingRequest> requests;
  std::uint64_t requested_bytes = 0;  // of requests not released, as open_requests
  std::uint32_t open_requests = 0;
  std::optional<OutstandingRequest> receiving;  // its payload is arriving
  std::uint32_t receiving_bytes = 0;            // of it, that have been reported
  TimePoint receiving_since;
  bool receiving_wanted = false;                // into a piece, not dropped
  std::uint32_t largest_request = block_bytes;  // bytes it serves in one REQUEST
  std::uint32_t request_queue = 250;            // REQUESTs it queues (BEP 10 reqq)
  TimePoint last_payload;                       // or since requests are outstanding
  bool snubbed = false;                         // let its requests time out
  bool slow = false;                            // its last block came at less than slow_rate
  bool suspect = false;                         // had a part in a piece that failed its hash
  Rate down;

  // Upload.
  std::deque<BlockSpan> uploads;     // requests accepted and not yet handed to the socket
  std::deque<SendingBlock> sending;  // in the order of the socket
  std::uint64_t sending_bytes = 0;
  TimePoint last_upload;  // the socket took something, or was idle
  Rate up;

  TimePoint last_heard;
  TimePoint last_said;
  wire::Buffer out;  // messages of this turn, sent together
};

using PeerTable = std::map<PeerHandle, Peer>;  // ordered, so that a run repeats from its seed

}  // namespace ezio
