// Piece, segment and block arithmetic, in one place, with the short last piece handled once.
//
//   torrent  = the extents' bytes, concatenated in torrent order: total_length bytes
//   piece    = piece_length bytes of it, the last one possibly shorter; the unit that is hashed
//   segment  = at most segment_bytes of a piece; the unit that lives in one pool buffer and is read or
//              written by the disk in one go, and that our own peers offer each other
//   block    = block_bytes (16 KiB) of a piece, the last one possibly shorter; the unit of progress
//
// Core file.
#pragma once

#include <algorithm>
#include <cstdint>

#include "bt/base/types.hpp"

namespace ezio {

inline constexpr std::uint32_t min_piece_length = 16 * KiB;
inline constexpr std::uint32_t max_piece_length = 64 * MiB;
inline constexpr std::uint32_t max_segment_bytes = 1 * MiB;
inline constexpr std::uint32_t max_piece_segments = max_piece_length / max_segment_bytes;

// Of a segment's zstd frame: what does not shrink by 5 % is not worth unpacking.
constexpr std::uint32_t largest_frame_bytes(std::uint32_t segment_bytes) {
  return segment_bytes - segment_bytes / 20;
}

// A segment of a piece, counted from the piece's start.
struct SegmentRef {
  PieceIndex piece;
  std::uint32_t segment = 0;
  auto operator<=>(const SegmentRef&) const = default;
};

class Geometry {
 public:
  constexpr Geometry() = default;
  // piece_length is a power of two from min_piece_length to max_piece_length; total_length > 0.
  constexpr Geometry(std::uint64_t total_length, std::uint32_t piece_length)
      : total_length_(total_length), piece_length_(piece_length) {}

  constexpr std::uint64_t total_length() const { return total_length_; }
  constexpr std::uint32_t piece_length() const { return piece_length_; }
  constexpr std::uint32_t piece_count() const {
    return static_cast<std::uint32_t>((total_length_ + piece_length_ - 1) / piece_length_);
  }
  constexpr bool contains(PieceIndex piece) const { return piece.value() < piece_count(); }
  // Whether the run is non-empty and lies inside an existing piece; safe for any values off the wire.
  constexpr bool contains(const BlockSpan& span) const {
    return contains(span.piece) && span.length > 0 && span.begin < piece_size(span.piece) &&
           span.length <= piece_size(span.piece) - span.begin;
  }

  constexpr std::uint64_t piece_offset(PieceIndex piece) const {
    return std::uint64_t{piece.value()} * piece_length_;
  }
  constexpr std::uint32_t piece_size(PieceIndex piece) const {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(piece_length_, total_length_ - piece_offset(piece)));
  }

  constexpr std::uint32_t block_count(PieceIndex piece) const {
    return (piece_size(piece) + block_bytes - 1) / block_bytes;
  }
  constexpr std::uint32_t block_size(PieceIndex piece, std::uint32_t block) const {
    return std::min(block_bytes, piece_size(piece) - block * block_bytes);
  }

  constexpr std::uint32_t segment_bytes() const { return std::min(piece_length_, max_segment_bytes); }
  constexpr std::uint32_t segment_count(PieceIndex piece) const {
    return (piece_size(piece) + segment_bytes() - 1) / segment_bytes();
  }
  // Of the whole torrent.
  constexpr std::uint32_t segment_total() const {
    const PieceIndex last{piece_count() - 1};
    return last.value() * segment_count(PieceIndex{0}) + segment_count(last);
  }
  constexpr bool contains(SegmentRef ref) const {
    return contains(ref.piece) && ref.segment < segment_count(ref.piece);
  }
  constexpr std::uint32_t segment_size(SegmentRef ref) const {
    return std::min(segment_bytes(), piece_size(ref.piece) - ref.segment * segment_bytes());
  }
  // Torrent offset of the segment's first byte.
  constexpr std::uint64_t segment_offset(SegmentRef ref) const {
    return piece_offset(ref.piece) + std::uint64_t{ref.segment} * segment_bytes();
  }
  // The segment that holds the run's first byte. A run never crosses segments when its length divides
  // segment_bytes() and its begin is a multiple of its length; others must be checked with fits_segment.
  constexpr SegmentRef segment_of(const BlockSpan& span) const {
    return {span.piece, span.begin / segment_bytes()};
  }
  constexpr bool fits_segment(const BlockSpan& span) const {
    return span.begin / segment_bytes() == (span.begin + span.length - 1) / segment_bytes();
  }

 private:
  std::uint64_t total_length_ = 0;
  std::uint32_t piece_length_ = min_piece_length;
};

}  // namespace ezio
