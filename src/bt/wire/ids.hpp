// The fixed numbers of the peer wire protocol (BEP 3, 5, 6, 10), for the two halves of bt/wire/wire.hpp.
//
// Core file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ezio::wire {

inline constexpr std::string_view protocol_header =
    "\x13"
    "BitTorrent protocol";
inline constexpr std::size_t reserved_at = 20;  // eight reserved bytes
inline constexpr std::size_t info_hash_at = 28;
inline constexpr std::size_t peer_id_at = 48;
inline constexpr std::size_t notice_bytes = 6;  // of a SegmentNotice: what, piece, segment
inline constexpr std::size_t frame_message_bytes =
    17;  // of those with `ezio_frame`: what, piece, begin, length, frame
inline constexpr std::size_t frame_piece_bytes =
    13;                                          // of a PIECE, before its payload: what, piece, begin, frame
inline constexpr std::byte extension_bit{0x10};  // in reserved[5]
inline constexpr std::byte fast_bit{0x04};       // in reserved[7]

enum class Id : std::uint8_t {
  choke = 0,
  unchoke = 1,
  interested = 2,
  not_interested = 3,
  have = 4,
  bitfield = 5,
  request = 6,
  piece = 7,
  cancel = 8,
  port = 9,
  suggest_piece = 13,
  have_all = 14,
  have_none = 15,
  reject = 16,
  allowed_fast = 17,
  extended = 20,
};

// What an extended message `ezio_frame` says.
enum class FrameMessage : std::uint8_t { offer = 0, request = 1, cancel = 2, reject = 3, piece = 4 };

}  // namespace ezio::wire
