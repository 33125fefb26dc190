// A set of pieces, in the bit order of the BITFIELD message (BEP 3: high bit of byte 0 is piece 0).
//
// Core file.
#pragma once

#include <cassert>
#include <cstdint>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio {

class Bitfield {
 public:
  Bitfield() = default;
  explicit Bitfield(std::uint32_t piece_count);  // all clear

  // From the payload of a BITFIELD message: an error unless it has exactly the right length and its spare
  // bits are zero.
  static Result<Bitfield> from_wire(Bytes payload, std::uint32_t piece_count);
  Bytes to_wire() const { return bytes_; }

  std::uint32_t size() const { return size_; }    // pieces in the torrent
  std::uint32_t count() const { return count_; }  // pieces set
  bool all() const { return count_ == size_; }
  bool none() const { return count_ == 0; }
  bool test(PieceIndex piece) const {  // piece < size()
    assert(piece.value() < size_);
    return (bytes_[piece.value() / 8] & mask_of(piece)) != std::byte{0};
  }
  bool set(PieceIndex piece) {  // true when it was clear before
    if (test(piece)) return false;
    bytes_[piece.value() / 8] |= mask_of(piece);
    ++count_;
    return true;
  }
  bool reset(PieceIndex piece) {  // true when it was set before
    if (!test(piece)) return false;
    bytes_[piece.value() / 8] &= ~mask_of(piece);
    --count_;
    return true;
  }
  void set_all();

 private:
  static std::byte mask_of(PieceIndex piece) { return std::byte{0x80} >> (piece.value() % 8); }

  std::vector<std::byte> bytes_;
  std::uint32_t size_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace ezio
