// The receiving half of bt/wire/wire.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "bt/wire/extension.hpp"
#include "bt/wire/ids.hpp"
#include "bt/wire/wire.hpp"

namespace ezio::wire {

namespace {

constexpr std::size_t prefix_bytes = 4;
constexpr std::size_t id_end = prefix_bytes + 1;  // where a message's body starts
constexpr std::size_t keep_capacity_bytes = 1 * KiB;

std::uint32_t u32_at(Bytes bytes, std::size_t at) {
  const auto byte = [&](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[at + i]); };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

// The numbers of a message `ezio_frame`, whose first byte says what it is.
BlockSpan frame_span_at(Bytes body) {
  return {PieceIndex{u32_at(body, 1)}, u32_at(body, 5), u32_at(body, 9), u32_at(body, 13)};
}

BlockSpan span_at(Bytes frame) {
  return {PieceIndex{u32_at(frame, id_end)}, u32_at(frame, id_end + 4), u32_at(frame, id_end + 8)};
}

// The body lengths that an id may have, in bytes.
struct BodyRange {
  std::uint64_t least;
  std::uint64_t most;
};

std::optional<BodyRange> body_range(Id id, const Limits& limits) {
  switch (id) {
    case Id::choke:
    case Id::unchoke:
    case Id::interested:
    case Id::not_interested:
    case Id::have_all:
    case Id::have_none:
      return BodyRange{0, 0};
    case Id::port:
      return BodyRange{2, 2};
    case Id::have:
    case Id::suggest_piece:
    case Id::allowed_fast:
      return BodyRange{4, 4};
    case Id::request:
    case Id::cancel:
    case Id::reject:
      return BodyRange{12, 12};
    case Id::bitfield:
      return BodyRange{0, (std::uint64_t{limits.piece_count} + 7) / 8};
    case Id::piece:
      return BodyRange{8 + 1, 8 + std::uint64_t{limits.largest_payload}};
    case Id::extended:
      return BodyRange{1, 1 + std::uint64_t{limits.largest_extension}};
  }
  return std::nullopt;
}

// Whether it is the PIECE of an `ezio_frame`, as far as `head` can tell.
bool is_frame_piece(Bytes head) {
  return static_cast<Id>(head[prefix_bytes]) == Id::extended && head.size() >= id_end + 2 &&
         std::to_integer<std::uint8_t>(head[id_end]) == our_frame_id &&
         static_cast<FrameMessage>(head[id_end + 1]) == FrameMessage::piece;
}

// How long the frame is that starts with `head`, as far as `head` can tell: a result beyond head.size() means
// that more bytes are needed, at least up to there. A Piece's frame ends where its payload starts.
Result<std::size_t> frame_bytes(Bytes head, const Limits& limits) {
  if (head.size() < prefix_bytes) return prefix_bytes;
  const std::uint32_t length = u32_at(head, 0);
  if (length == 0) return prefix_bytes;
  if (head.size() < id_end) return id_end;
  const auto id = static_cast<Id>(head[prefix_bytes]);
  const std::uint64_t body = length - 1;
  auto range = body_range(id, limits);
  if (range && id == Id::extended && body >= 2) {
    const std::uint64_t least = 1 + frame_piece_bytes + 1;
    const std::uint64_t most = 1 + frame_piece_bytes + std::uint64_t{limits.largest_payload};
    // Which of the two it is stands in its first bytes; what is too long for both is refused without them.
    if (body <= std::max(range->most, most) && head.size() < id_end + 2) return id_end + 2;
    if (is_frame_piece(head)) range = BodyRange{least, most};
  }
  if (!range) return Error{fmt::format("message id {} is unknown", static_cast<unsigned>(id))};
  if (body < range->least || body > range->most) {
    return Error{fmt::format("message id {} has a body of {} bytes, allowed are {} to {}",
                             static_cast<unsigned>(id), body, range->least, range->most)};
  }
  if (is_frame_piece(head)) return frame_piece_header_bytes;
  return id == Id::piece ? piece_header_bytes : prefix_bytes + length;
}

Result<Message> decode_notice(Bytes body) {
  constexpr auto last = static_cast<std::uint8_t>(SegmentNotice::What::dropped);
  if (body.size() != notice_bytes || std::to_integer<std::uint8_t>(body[0]) > last) {
    return Error{fmt::format("a notice of {} bytes that makes no sense", body.size())};
  }
  const SegmentRef segment{PieceIndex{u32_at(body, 1)}, std::to_integer<std::uint32_t>(body[5])};
  return Message{SegmentNotice{static_cast<SegmentNotice::What>(body[0]), segment}};
}

// Of all but a PIECE.
Result<Message> decode_frame_message(Bytes body) {
  if (body.size() == frame_message_bytes) {
    const BlockSpan span = frame_span_at(body);
    if (span.frame != 0) {
      switch (static_cast<FrameMessage>(body[0])) {
        case FrameMessage::offer:
          return Message{FrameOffer{span}};
        case FrameMessage::request:
          return Message{Request{span}};
        case FrameMessage::cancel:
          return Message{Cancel{span}};
        case FrameMessage::reject:
          return Message{Reject{span}};
        case FrameMessage::piece:
          break;
      }
    }
  }
  return Error{fmt::format("a message of {} bytes on a frame that makes no sense", body.size())};
}

Result<Message> decode_extended(Bytes body) {
  const auto id = std::to_integer<std::uint8_t>(body[0]);
  if (id == our_frame_id) return decode_frame_message(body.subspan(1));
  if (id == our_notice_id) return decode_notice(body.subspan(1));
  if (id != 0) return Message{UnknownExtension{id}};
  auto handshake = decode_extension_handshake(body.subspan(1));
  if (!handshake) return handshake.error();
  return Message{std::move(*handshake)};
}

// The header alone; its length stands in the prefix.
Result<Message> decode_frame_piece(Bytes frame) {
  const Bytes body = frame.subspan(id_end + 1);
  const std::uint32_t payload = u32_at(frame, 0) - static_cast<std::uint32_t>(2 + frame_piece_bytes);
  const BlockSpan span{PieceIndex{u32_at(body, 1)}, u32_at(body, 5), payload, u32_at(body, 9)};
  if (span.frame == 0) return Error{"a part of a frame that has no name"};
  return Message{Piece{span}};
}

Piece decode_piece_header(Bytes frame) {
  return {{PieceIndex{u32_at(frame, id_end)}, u32_at(frame, id_end + 4), u32_at(frame, 0) - 9}};
}

// `frame` is whole and frame_bytes has approved of its id and length.
Result<Message> decode_frame(Bytes frame) {
  if (frame.size() == prefix_bytes) return Message{KeepAlive{}};
  const Bytes body = frame.subspan(id_end);
  switch (static_cast<Id>(frame[prefix_bytes])) {
    case Id::choke:
      return Message{Choke{}};
    case Id::unchoke:
      return Message{Unchoke{}};
    case Id::interested:
      return Message{Interested{}};
    case Id::not_interested:
      return Message{NotInterested{}};
    case Id::have:
      return Message{Have{PieceIndex{u32_at(body, 0)}}};
    case Id::bitfield:
      return Message{BitfieldPayload{{body.begin(), body.end()}}};
    case Id::request:
      return Message{Request{span_at(frame)}};
    case Id::piece:
      return Message{decode_piece_header(frame)};
    case Id::cancel:
      return Message{Cancel{span_at(frame)}};
    case Id::port:
      return Message{Port{}};
    case Id::suggest_piece:
      return Message{SuggestPiece{PieceIndex{u32_at(body, 0)}}};
    case Id::have_all:
      return Message{HaveAll{}};
    case Id::have_none:
      return Message{HaveNone{}};
    case Id::reject:
      return Message{Reject{span_at(frame)}};
    case Id::allowed_fast:
      return Message{AllowedFast{PieceIndex{u32_at(body, 0)}}};
    case Id::extended:
      return is_frame_piece(frame) ? decode_frame_piece(frame) : decode_extended(body);
  }
  assert(false && "frame_bytes lets no other id pass");
  return Error{"unknown message id"};
}

Result<Decoder::Step> finish(Bytes frame, std::size_t consumed) {
  auto message = decode_frame(frame);
  if (!message) return message.error();
  return Decoder::Step{consumed, std::move(*message)};
}

}  // namespace

bool may_be_handshake(Bytes prefix) {
  return protocol_header.starts_with(as_text(prefix.first(std::min(prefix.size(), protocol_header.size()))));
}

Result<Handshake> decode_handshake(std::span<const std::byte, handshake_bytes> bytes) {
  if (!may_be_handshake(bytes)) return Error{"handshake does not start with \"\\x13BitTorrent protocol\""};
  Handshake handshake;
  handshake.extensions = (bytes[reserved_at + 5] & extension_bit) != std::byte{0};
  handshake.fast = (bytes[reserved_at + 7] & fast_bit) != std::byte{0};
  std::memcpy(handshake.info_hash.bytes.data(), bytes.data() + info_hash_at, 20);
  std::memcpy(handshake.peer_id.bytes.data(), bytes.data() + peer_id_at, 20);
  return handshake;
}

Result<Decoder::Step> Decoder::feed(Bytes input) {
  if (partial_.empty()) {  // the common case: a whole message in the input, decoded where it lies
    const auto wanted = frame_bytes(input, limits_);
    if (!wanted) return wanted.error();
    if (*wanted <= input.size()) return finish(input.first(*wanted), *wanted);
  }
  return feed_partial(input);
}

// Copies what the current message still needs and no more: the prefix first, then the id, then the body, so
// that nothing is buffered for a message that is refused.
Result<Decoder::Step> Decoder::feed_partial(Bytes input) {
  std::size_t consumed = 0;
  for (;;) {
    const auto wanted = frame_bytes(partial_, limits_);
    if (!wanted) return wanted.error();
    if (*wanted <= partial_.size()) break;
    const std::size_t take = std::min(*wanted - partial_.size(), input.size() - consumed);
    if (take == 0) return Step{consumed, std::nullopt};
    const Bytes part = input.subspan(consumed, take);
    partial_.insert(partial_.end(), part.begin(), part.end());
    consumed += take;
  }
  auto step = finish(partial_, consumed);
  partial_.clear();
  if (partial_.capacity() > keep_capacity_bytes) partial_.shrink_to_fit();
  return step;
}

}  // namespace ezio::wire
