// What happens to a swarm: everything that a driver tells the core.
//
// Events are plain values. Disk, hash and network events answer actions of the same swarm; an event about a
// peer that the swarm has closed meanwhile is ignored. Core file.
#pragma once

#include <string>
#include <variant>

#include "bt/base/geometry.hpp"
#include "bt/wire/announce.hpp"
#include "bt/wire/wire.hpp"

namespace ezio {

// --- network ---
struct PeerConnected {  // answers Connect
  PeerHandle peer;
};
// A connection that somebody opened to us, its handshake read already (it named this torrent). `peer` comes
// from Swarm::new_handle.
struct PeerAccepted {
  PeerHandle peer;
  Endpoint remote;
  wire::Handshake handshake;
};
struct HandshakeReceived {  // on a connection that we opened
  PeerHandle peer;
  wire::Handshake handshake;
};
// Any message but Piece.
struct MessageReceived {
  PeerHandle peer;
  wire::Message message;
};
// The 13-byte header of a PIECE; the core answers with exactly one ReceivePayload (or Close).
struct BlockHeaderReceived {
  PeerHandle peer;
  BlockSpan span;
};
struct BlockProgress {  // a part of its payload, not the last one: the peer is slow, not silent
  PeerHandle peer;
  std::uint32_t bytes = 0;  // since the header or the last report
};
struct BlockReceived {  // its payload is in place (or discarded)
  PeerHandle peer;
  BlockSpan span;
};
struct BlockSent {  // answers SendBlock: the socket has taken all of it
  PeerHandle peer;
  BlockSpan span;
};
struct PeerDisconnected {
  PeerHandle peer;
  std::string reason;
};

// --- disk and hash ---
struct SegmentRead {  // answers ReadSegment
  SegmentRef segment;
  std::string error;  // empty: success; else offset and errno in words
  TargetIndex target{};
};
struct FrameRead {  // answers ReadFrame
  SegmentRef segment;
  SegmentFrame frame;  // nothing: it would be no shorter than largest_frame_bytes, so it is sent plain
  std::string error;
  Duration packing{};  // processor time of the thread that packed it; 0 where it was stored
};
struct FrameUnpacked {  // answers UnpackFrame
  SegmentRef segment;
  bool good = false;  // else it was no frame of that size, and what the buffer holds is worth nothing
};
struct SourceFailed {  // a segment that was read could not be sent after all: its file has changed
  std::string error;
};
struct SegmentWritten {  // answers WriteSegment
  SegmentRef segment;
  std::string error;
  TargetIndex target{};
};
struct SegmentInspected {  // answers InspectSegment
  SegmentRef segment;
  std::string error;
  TargetIndex target{};
};
struct HoleInspected {  // answers InspectHole
  PieceIndex piece;
  bool hole = false;  // false where nobody can tell
  TargetIndex target{};
};
struct PieceZeroed {  // answers ZeroPiece
  PieceIndex piece;
  std::string error;
  TargetIndex target{};
};
struct SegmentHashed {  // answers HashSegment
  PieceIndex piece;
  Sha1Digest digest;                       // meaningful when the request had `last`
  std::optional<TargetIndex> inspected{};  // as the request had it
};
struct Flushed {  // answers Flush
  std::string error;
  TargetIndex target{};
};
struct Concluded {  // answers Conclude
  std::string error;
  TargetIndex target{};
};

// The device does not answer any more. What it was asked for is either answered with an error yet, or never:
// then its buffer is in use for ever.
struct StorageHangs {
  std::string error;
  TargetIndex target{};
};

// --- trackers, time, user ---
struct AnnounceSucceeded {
  TrackerIndex tracker;
  AnnounceReply reply;
};
struct AnnounceFailed {
  TrackerIndex tracker;
  std::string reason;
};
struct Tick {};              // every tick_interval
struct BuffersAvailable {};  // the shared pool has buffers again
struct StopRequested {};     // SIGINT, SIGTERM

using Event =
    std::variant<PeerConnected, PeerAccepted, HandshakeReceived, MessageReceived, BlockHeaderReceived,
                 BlockProgress, BlockReceived, BlockSent, PeerDisconnected, SegmentRead, FrameRead,
                 FrameUnpacked, SourceFailed, SegmentWritten, SegmentInspected, HoleInspected, PieceZeroed,
                 SegmentHashed, Flushed, Concluded, StorageHangs, AnnounceSucceeded, AnnounceFailed, Tick,
                 BuffersAvailable, StopRequested>;

inline constexpr std::chrono::milliseconds tick_interval{100};

}  // namespace ezio
