// What a swarm wants done: everything that the core tells a driver.
//
// Actions are carried out in the order in which they were emitted. Bulk data is never in them: they name pool
// buffers. Core file.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bt/base/geometry.hpp"
#include "bt/wire/announce.hpp"
#include "bt/wire/wire.hpp"

namespace ezio {

// --- network ---
struct Connect {
  PeerHandle peer;
  Endpoint remote;
};
// The driver forgets the peer at once: no further event, no access to buffers named in earlier actions.
struct Close {
  PeerHandle peer;
  std::string reason;
};
struct Send {
  PeerHandle peer;
  wire::Buffer bytes;
};
// A PIECE message: header from `span`, then span.length bytes of the buffer from buffer_offset on.
struct SendBlock {
  PeerHandle peer;
  BlockSpan span;
  BufferId buffer;
  std::uint32_t buffer_offset = 0;
  std::uint8_t frame_id = 0;  // by which the peer takes frames
};
// Where the payload announced by BlockHeaderReceived goes; without a buffer it is read and dropped.
struct ReceivePayload {
  PeerHandle peer;
  BlockSpan span;
  std::optional<BufferId> buffer;
  std::uint32_t buffer_offset = 0;
};

// --- disk and hash ---
// A download has one target or several, a seed's source is its target 0. Each is named by everything that is
// asked of it and by the answer.
struct ReadSegment {
  SegmentRef segment;
  BufferId buffer;
  TargetIndex target{};
};
struct WriteSegment {
  SegmentRef segment;
  BufferId buffer;
  TargetIndex target{};
};
// A segment of the source as a zstd frame: read into `plain` and packed into `frame`, or read as it is
// stored.
struct ReadFrame {
  SegmentRef segment;
  BufferId plain;  // for the driver's use meanwhile
  BufferId frame;
};
struct UnpackFrame {
  SegmentRef segment;
  BufferId frame;
  std::uint32_t frame_bytes = 0;
  BufferId plain;
};
// What the target holds, from the device, into a buffer: not verified by anybody.
struct InspectSegment {
  SegmentRef segment;
  BufferId buffer;
  TargetIndex target{};
};
// Whether all of the piece is a hole of a file, which reads as zeros; answered by HoleInspected.
struct InspectHole {
  PieceIndex piece;
  TargetIndex target{};
};
struct ZeroPiece {  // writes zeros over all of it
  PieceIndex piece;
  TargetIndex target{};
};
struct HashSegment {  // appends to the piece's SHA-1; `first` starts it anew, `last` asks for the digest
  PieceIndex piece;
  BufferId buffer;
  std::uint32_t buffer_offset = 0;
  std::uint32_t length = 0;
  bool first = false;
  bool last = false;
  // Of which target's piece, where it was read to be inspected. A hash of its own, beside that of the piece
  // as it is fetched.
  std::optional<TargetIndex> inspected{};
};
struct Flush {
  // From here on InspectSegment reads what the device has, not what a cache of the kernel remembers.
  bool forget_cached = false;
  TargetIndex target{};
};

// Everything is on the device: what is left to do there before success is certain, by whoever knows what a
// device is. Answered by Concluded.
struct Conclude {
  TargetIndex target{};
};

// --- trackers, user ---
struct Announce {
  TrackerIndex tracker;
  AnnounceRequest request;
  bool report = false;  // with a HostReport, which the driver makes: it knows the host
};
struct Completed {};  // a leecher: every piece verified, written and flushed; it serves on
// One of several targets is given up, the clone goes on with the others. The last one's failure is Finished.
struct TargetFailed {
  TargetIndex target;
  std::string message;
};
enum class SwarmOutcome { complete, io_error, stalled, stopped };
struct Finished {  // the swarm's last action but for announces of `stopped` and closes, which may follow
  SwarmOutcome outcome = SwarmOutcome::complete;
  std::string message;
};
struct Note {  // for the log: a tracker that fails, a peer that was banned
  std::string text;
  std::optional<TargetIndex> target{};  // that it is about
};

using Action = std::variant<Connect, Close, Send, SendBlock, ReceivePayload, ReadSegment, WriteSegment,
                            ReadFrame, UnpackFrame, InspectSegment, InspectHole, ZeroPiece, HashSegment,
                            Flush, Conclude, Announce, Completed, TargetFailed, Finished, Note>;
using Actions = std::vector<Action>;

}  // namespace ezio
