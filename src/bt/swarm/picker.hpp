// Which piece to fetch next: the rarest one that a peer has, ties broken at random.
//
// Keeps the pieces nobody works on yet ("missing") sorted by how many connected peers have them, so that a
// choice costs a short scan and a HAVE costs a swap. Knows nothing of peers but their sets. Core file.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "bt/base/bitfield.hpp"
#include "bt/base/types.hpp"

namespace ezio {

class Picker {
 public:
  // Every piece starts as missing, held by nobody. `seed` decides the ties.
  Picker(std::uint32_t piece_count, std::uint64_t seed);

  // A peer came with `pieces`, announced one more (`pieces` includes it already), or went.
  void add(const Bitfield& pieces);
  void add(PieceIndex piece, const Bitfield& pieces);
  void remove(const Bitfield& pieces);

  // The rarest missing piece in `pieces`.
  std::optional<PieceIndex> rarest(const Bitfield& pieces) const;

  void start(PieceIndex piece);     // it is missing and will be fetched now
  void put_back(PieceIndex piece);  // it was started and is missing again
  bool is_missing(PieceIndex piece) const { return position_[piece.value()] != not_missing; }
  std::uint32_t missing() const { return static_cast<std::uint32_t>(order_.size()); }
  std::uint32_t count_missing(const Bitfield& pieces) const;
  std::uint32_t availability(PieceIndex piece) const { return seeds_ + availability_[piece.value()]; }

 private:
  static constexpr std::uint32_t not_missing = 0xFFFFFFFF;

  std::uint32_t bucket_begin(std::uint32_t availability) const;
  void swap_positions(std::uint32_t a, std::uint32_t b);
  void increment(PieceIndex piece);
  void decrement(PieceIndex piece);
  void shuffle_into_bucket(PieceIndex piece);
  void ensure_buckets(std::uint32_t availability);

  std::uint32_t seeds_ = 0;                  // peers with every piece: counted once, not per piece
  std::vector<std::uint32_t> availability_;  // of each piece, without the seeds
  std::vector<PieceIndex> order_;            // the missing pieces, rarest first
  std::vector<std::uint32_t> position_;      // of each piece in order_, or not_missing
  std::vector<std::uint32_t> bucket_end_;    // order_ index where pieces of availability > i begin
  mutable std::mt19937_64 random_;
};

}  // namespace ezio
