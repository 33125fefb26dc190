#include "bt/base/bitfield.hpp"

#include <fmt/format.h>

#include <bit>

namespace ezio {
namespace {

std::size_t byte_count(std::uint32_t pieces) {
  return (std::size_t{pieces} + 7) / 8;
}

// The bits of the last byte that stand for no piece.
std::byte spare_bits(std::uint32_t pieces) {
  return pieces % 8 == 0 ? std::byte{0} : std::byte{0xff} >> (pieces % 8);
}

}  // namespace

Bitfield::Bitfield(std::uint32_t piece_count) : bytes_(byte_count(piece_count)), size_(piece_count) {}

Result<Bitfield> Bitfield::from_wire(Bytes payload, std::uint32_t piece_count) {
  if (payload.size() != byte_count(piece_count))
    return Error{fmt::format("bitfield of {} bytes, but {} pieces need {}", payload.size(), piece_count,
                             byte_count(piece_count))};
  if (!payload.empty() && (payload.back() & spare_bits(piece_count)) != std::byte{0})
    return Error{fmt::format("bitfield has spare bits set: last byte is 0x{:02x} for {} pieces",
                             std::to_integer<unsigned>(payload.back()), piece_count)};
  Bitfield result;
  result.bytes_.assign(payload.begin(), payload.end());
  result.size_ = piece_count;
  for (const std::byte byte : payload)
    result.count_ += static_cast<std::uint32_t>(std::popcount(std::to_integer<unsigned>(byte)));
  return result;
}

void Bitfield::set_all() {
  bytes_.assign(byte_count(size_), std::byte{0xff});
  if (!bytes_.empty()) bytes_.back() &= ~spare_bits(size_);
  count_ = size_;
}

}  // namespace ezio
