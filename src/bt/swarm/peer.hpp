// One connection's state, as both sides have told it to each other.
//
// Data without I/O, in parts that have an owner each: RequestPipeline the requests, Uploader the uploads,
// Swarm the rest; what the peer told of pieces is for all to read. Core file.
#pragma once

#include <algorithm>
#include <bit>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bt/base/bitfield.hpp"
#include "bt/base/geometry.hpp"
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

// What we ask of it.
struct PeerRequests {
  std::deque<OutstandingRequest> queue;
  std::uint64_t bytes = 0;  // of requests not released, as open
  std::uint32_t open = 0;
  std::optional<OutstandingRequest> receiving;  // its payload is arriving
  std::uint32_t receiving_bytes = 0;            // of it, that have been reported
  TimePoint receiving_since;
  bool receiving_wanted = false;  // into a piece, not dropped
  TimePoint last_payload;         // or since requests are outstanding
  TimePoint answered_sent{};      // when the latest of those that it has answered was sent
  bool snubbed = false;           // let its requests time out
  bool slow = false;              // its last block came at less than slow_rate
  Rate rate;
};

// A PIECE handed to the socket whose buffer stays pinned until the socket has taken it.
struct SendingBlock {
  BlockSpan span;
  BufferId buffer;
};

// What it asks of us.
struct PeerUploads {
  std::deque<BlockSpan> queue;       // accepted and not yet handed to the socket
  std::deque<SendingBlock> sending;  // in the order of the socket
  std::uint64_t sending_bytes = 0;
  double credit_bytes = 0;  // that a foreign peer may be sent beside our own (Uploader::tick)
  TimePoint last_taken;     // the socket took something, or was idle
  Rate rate;
};

// What it has told of its pieces.
struct PeerPieces {
  // A piece that one of our own peers has in part: its segments, a bit each.
  struct Part {
    PieceIndex piece;
    std::uint64_t offered = 0;   // by us, and we hope that it takes them
    std::uint64_t fetching = 0;  // it is being sent them
    std::uint64_t arrived = 0;   // it has them, unverified
    std::uint64_t all() const { return offered | fetching | arrived; }
  };
  static_assert(max_piece_segments <= 64);

  Bitfield have;
  std::vector<Part> parts;    // oldest first; none of them in `have`
  bool told = false;          // BITFIELD, HAVE_ALL, HAVE_NONE or a HAVE
  std::uint32_t missing = 0;  // segments that it has, and that we have not begun

  static std::uint64_t bit(SegmentRef segment) { return std::uint64_t{1} << segment.segment; }
  const Part* part(PieceIndex piece) const {
    const auto found =
        std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.piece == piece; });
    return found == parts.end() ? nullptr : &*found;
  }
  Part* part(PieceIndex piece) { return const_cast<Part*>(std::as_const(*this).part(piece)); }
  // Neither has it, verified or not, nor is being sent it.
  bool lacks(SegmentRef segment) const {
    if (have.test(segment.piece)) return false;
    const Part* known = part(segment.piece);
    return known == nullptr || (known->all() & bit(segment)) == 0;
  }
  bool arrived(SegmentRef segment) const {
    const Part* known = part(segment.piece);
    return known != nullptr && (known->arrived & bit(segment)) != 0;
  }
  // How many segments it is being sent, by us and by others.
  std::size_t coming() const {
    std::size_t count = 0;
    for (const Part& part : parts) count += std::popcount(part.offered | part.fetching);
    return count;
  }
  // Segments of the pieces that it has in part, those that are coming included.
  std::size_t in_parts() const {
    std::size_t count = 0;
    for (const Part& part : parts) count += std::popcount(part.all());
    return count;
  }
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
  std::optional<std::uint8_t> notice_id;        // one of our own: how it wants to hear SegmentNotices
  std::uint8_t frame_id = 0;                    // one of our own: by which id it takes zstd frames; 0: none
  std::uint32_t largest_request = block_bytes;  // bytes it serves in one REQUEST
  std::uint32_t request_queue = 250;            // REQUESTs it queues (BEP 10 reqq)

  bool choking_us = true;
  bool we_are_interested = false;
  bool interested_in_us = false;
  bool we_are_choking = true;
  TimePoint unchoked_at;

  PeerPieces pieces;
  PeerRequests requests;
  PeerUploads uploads;

  TimePoint last_heard;
  TimePoint last_said;
  std::optional<TimePoint> asked_at;  // for a sign of life, and none has come since
  bool must_name_port = false;        // before anything else: see Bans
  wire::Buffer out;                   // messages of this turn, sent together

  bool active() const { return state == State::active; }
  bool ours() const { return notice_id.has_value(); }
  // A frame that one no longer has must be told: by BEP 6.
  bool takes_frames() const { return ours() && frame_id != 0 && fast; }
  void heard(TimePoint now) {
    last_heard = now;
    asked_at.reset();
  }
};

using PeerTable = std::map<PeerHandle, Peer>;  // ordered, so that a run repeats from its seed

}  // namespace ezio
