// The peer wire protocol as bytes: handshake and messages of BEP 3, 6 (fast) and 10 (extension handshake).
//
// Bulk data never rides in a message: a decoded Piece is the 13-byte header alone; its payload follows on the
// stream and is read by the caller straight to where it belongs. Encoding likewise yields headers only.
//
// Core file. Nothing here keeps state between connections; nothing here throws on what a peer sent.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bt/base/bitfield.hpp"
#include "bt/base/geometry.hpp"
#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio::wire {

inline constexpr std::size_t handshake_bytes = 68;
inline constexpr std::size_t piece_header_bytes = 13;  // length prefix, id, index, begin
// Of a PIECE that carries a part of a frame: length prefix, id, extended id, what, index, begin, frame.
inline constexpr std::size_t frame_piece_header_bytes = 19;

struct Handshake {
  InfoHash info_hash;
  PeerId peer_id;
  bool fast = true;        // reserved[7] & 0x04 (BEP 6)
  bool extensions = true;  // reserved[5] & 0x10 (BEP 10)
};
std::array<std::byte, handshake_bytes> encode_handshake(const Handshake& handshake);
Result<Handshake> decode_handshake(std::span<const std::byte, handshake_bytes> bytes);
// False as soon as the first bytes of a connection cannot become a handshake (an encrypted or foreign
// protocol): the caller closes at once, and a peer that tried encryption comes back in plain text.
bool may_be_handshake(Bytes prefix);

struct KeepAlive {};
struct Choke {};
struct Unchoke {};
struct Interested {};
struct NotInterested {};
struct Have {
  PieceIndex piece;
};
struct BitfieldPayload {
  std::vector<std::byte> bytes;  // unchecked: Bitfield::from_wire checks it against the piece count
};
struct Request {
  BlockSpan span;
};
struct Piece {
  BlockSpan span;  // span.length payload bytes follow on the stream
};
struct Cancel {
  BlockSpan span;
};
struct Port {};  // BEP 5, ignored
struct SuggestPiece {
  PieceIndex piece;
};
struct HaveAll {};
struct HaveNone {};
struct Reject {
  BlockSpan span;
};
struct AllowedFast {
  PieceIndex piece;
};
// The extension handshake (BEP 10, extended message 0). Absent or nonsensical keys leave the optional empty.
struct ExtensionHandshake {
  std::optional<std::uint32_t> request_queue;    // `reqq`: requests the sender is willing to queue
  std::optional<std::uint32_t> largest_request;  // `ezio_block`: largest REQUEST it serves, bytes; ours only
  std::optional<std::uint16_t> listen_port;      // `p`
  // `ezio_notice` in `m`: the extended message id by which the sender wants to hear SegmentNotices; ours
  // only.
  std::optional<std::uint8_t> notice_id;
  // `ezio_frame` in `m`: the extended message id by which the sender takes zstd frames; ours only.
  std::optional<std::uint8_t> frame_id;
  std::string client;        // `v`, at most 64 bytes kept
  bool upload_only = false;  // `upload_only` (BEP 21)
};
// What our own peers tell each other of a segment, as extended message `ezio_notice` (BEP 10): one byte of
// what, four of the piece, one of the segment in it. See bt/swarm/upload_planner.hpp for how they are used.
struct SegmentNotice {
  enum class What : std::uint8_t {
    offer = 0,     // I have it or am receiving it, and have room on my uplink to send it to you now
    decline = 1,   // your offer of it is not taken; one that is taken is answered by REQUESTs
    fetching = 2,  // I am being sent it: do not offer it to me
    received = 3,  // I have it, unverified; said where its piece has more segments, else a HAVE follows
    dropped = 4,   // I have given up what I had of the piece, all its segments
  };
  What what = What::offer;
  SegmentRef segment;
};
inline constexpr std::uint8_t our_notice_id = 1;  // the id by which we want to hear them
// An offer in the sense of SegmentNotice, of the segment as a zstd frame. It is taken by REQUESTs of the
// frame's bytes, or by REQUESTs of the segment's own, which are served as well.
//
// This and REQUEST, CANCEL, REJECT and PIECE of a frame's bytes (BlockSpan::frame) are extended message
// `ezio_frame` (BEP 10): one byte of what, four each of piece, begin, length (not in a PIECE, whose payload
// follows) and the frame's id.
struct FrameOffer {
  BlockSpan span;  // all of the frame: it begins where the segment does
};
inline constexpr std::uint8_t our_frame_id = 2;  // the id by which we take them
struct UnknownExtension {  // another extended message: we offer none in `m`, so it is ignored
  std::uint8_t id = 0;
};

using Message = std::variant<KeepAlive, Choke, Unchoke, Interested, NotInterested, Have, BitfieldPayload,
                             Request, Piece, Cancel, Port, SuggestPiece, HaveAll, HaveNone, Reject,
                             AllowedFast, ExtensionHandshake, SegmentNotice, FrameOffer, UnknownExtension>;

// What a peer of this torrent may send at most. Larger means hostile or broken: disconnect.
struct Limits {
  std::uint32_t piece_count = 0;      // bounds the BITFIELD message
  std::uint32_t largest_payload = 0;  // bytes of a PIECE payload: the largest request we make
  std::uint32_t largest_extension = 64 * KiB;
};

// Decodes a stream of messages from chunks split anywhere.
class Decoder {
 public:
  explicit Decoder(Limits limits) : limits_(limits) {}

  struct Step {
    std::size_t consumed = 0;        // bytes taken from the front of the input
    std::optional<Message> message;  // complete, or empty: feed more
  };
  // Consumes up to the end of at most one message; call again with the rest. After a Piece the next
  // span.length bytes of the stream are payload and must not be fed. An error (unknown id, wrong length,
  // over a limit) is final: the connection is to be closed.
  Result<Step> feed(Bytes input);

 private:
  Result<Step> feed_partial(Bytes input);

  Limits limits_;
  std::vector<std::byte> partial_;  // an incomplete message: its prefix, id and body so far
};

// Encoders append to `out`, so that several messages leave in one write.
using Buffer = std::vector<std::byte>;
void append_keep_alive(Buffer& out);
void append_choke(Buffer& out);
void append_unchoke(Buffer& out);
void append_interested(Buffer& out);
void append_not_interested(Buffer& out);
void append_have(Buffer& out, PieceIndex piece);
void append_bitfield(Buffer& out, const Bitfield& pieces);
void append_have_all(Buffer& out);
void append_have_none(Buffer& out);
// By `frame_id` the peer takes frames; it does not matter where the span is not of one.
void append_request(Buffer& out, const BlockSpan& span, std::uint8_t frame_id = 0);
void append_cancel(Buffer& out, const BlockSpan& span, std::uint8_t frame_id = 0);
void append_reject(Buffer& out, const BlockSpan& span, std::uint8_t frame_id = 0);
// span.length payload bytes must follow.
void append_piece_header(Buffer& out, const BlockSpan& span, std::uint8_t frame_id = 0);
void append_frame_offer(Buffer& out, const FrameOffer& offer, std::uint8_t frame_id);
void append_notice(Buffer& out, std::uint8_t notice_id, const SegmentNotice& notice);
void append_extension_handshake(Buffer& out, const ExtensionHandshake& handshake);

}  // namespace ezio::wire
