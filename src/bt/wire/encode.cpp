// The sending half of bt/wire/wire.hpp.
#include <cassert>

#include "bt/wire/extension.hpp"
#include "bt/wire/ids.hpp"
#include "bt/wire/wire.hpp"

namespace ezio::wire {

namespace {

void put_u32(Buffer& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(value >> shift));
}

// The length prefix counts the id and the body.
void put_head(Buffer& out, Id id, std::size_t body_bytes) {
  put_u32(out, static_cast<std::uint32_t>(1 + body_bytes));
  out.push_back(static_cast<std::byte>(id));
}

void put_frame_message(Buffer& out, FrameMessage what, const BlockSpan& span, std::uint8_t frame_id) {
  assert(span.frame != 0 && frame_id != 0);
  put_head(out, Id::extended, 1 + frame_message_bytes);
  out.push_back(std::byte{frame_id});
  out.push_back(static_cast<std::byte>(what));
  put_u32(out, span.piece.value());
  put_u32(out, span.begin);
  put_u32(out, span.length);
  put_u32(out, span.frame);
}

void put_span(Buffer& out, Id id, FrameMessage of_frame, const BlockSpan& span, std::uint8_t frame_id) {
  if (span.frame != 0) return put_frame_message(out, of_frame, span, frame_id);
  put_head(out, id, 12);
  put_u32(out, span.piece.value());
  put_u32(out, span.begin);
  put_u32(out, span.length);
}

}  // namespace

std::array<std::byte, handshake_bytes> encode_handshake(const Handshake& handshake) {
  std::array<std::byte, handshake_bytes> out{};
  std::memcpy(out.data(), protocol_header.data(), protocol_header.size());
  if (handshake.extensions) out[reserved_at + 5] |= extension_bit;
  if (handshake.fast) out[reserved_at + 7] |= fast_bit;
  std::memcpy(out.data() + info_hash_at, handshake.info_hash.bytes.data(), 20);
  std::memcpy(out.data() + peer_id_at, handshake.peer_id.bytes.data(), 20);
  return out;
}

void append_keep_alive(Buffer& out) {
  put_u32(out, 0);
}
void append_choke(Buffer& out) {
  put_head(out, Id::choke, 0);
}
void append_unchoke(Buffer& out) {
  put_head(out, Id::unchoke, 0);
}
void append_interested(Buffer& out) {
  put_head(out, Id::interested, 0);
}
void append_not_interested(Buffer& out) {
  put_head(out, Id::not_interested, 0);
}
void append_have_all(Buffer& out) {
  put_head(out, Id::have_all, 0);
}
void append_have_none(Buffer& out) {
  put_head(out, Id::have_none, 0);
}
void append_request(Buffer& out, const BlockSpan& span, std::uint8_t frame_id) {
  put_span(out, Id::request, FrameMessage::request, span, frame_id);
}
void append_cancel(Buffer& out, const BlockSpan& span, std::uint8_t frame_id) {
  put_span(out, Id::cancel, FrameMessage::cancel, span, frame_id);
}
void append_reject(Buffer& out, const BlockSpan& span, std::uint8_t frame_id) {
  put_span(out, Id::reject, FrameMessage::reject, span, frame_id);
}
void append_frame_offer(Buffer& out, const FrameOffer& offer, std::uint8_t frame_id) {
  put_frame_message(out, FrameMessage::offer, offer.span, frame_id);
}

void append_have(Buffer& out, PieceIndex piece) {
  put_head(out, Id::have, 4);
  put_u32(out, piece.value());
}

void append_bitfield(Buffer& out, const Bitfield& pieces) {
  const auto bytes = pieces.to_wire();
  put_head(out, Id::bitfield, bytes.size());
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_piece_header(Buffer& out, const BlockSpan& span, std::uint8_t frame_id) {
  assert(span.length > 0);
  if (span.frame != 0) {
    assert(frame_id != 0);
    put_head(out, Id::extended, 1 + frame_piece_bytes + span.length);
    out.push_back(std::byte{frame_id});
    out.push_back(static_cast<std::byte>(FrameMessage::piece));
    put_u32(out, span.piece.value());
    put_u32(out, span.begin);
    put_u32(out, span.frame);
    return;
  }
  put_head(out, Id::piece, 8 + span.length);
  put_u32(out, span.piece.value());
  put_u32(out, span.begin);
}

void append_notice(Buffer& out, std::uint8_t notice_id, const SegmentNotice& notice) {
  put_head(out, Id::extended, 1 + notice_bytes);
  out.push_back(std::byte{notice_id});
  out.push_back(static_cast<std::byte>(notice.what));
  put_u32(out, notice.segment.piece.value());
  out.push_back(static_cast<std::byte>(notice.segment.segment));
}

void append_extension_handshake(Buffer& out, const ExtensionHandshake& handshake) {
  const std::string body = encode_extension_handshake(handshake);
  put_head(out, Id::extended, 1 + body.size());
  out.push_back(std::byte{0});  // extended message 0 is the handshake
  const Bytes bytes = as_bytes(body);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace ezio::wire
