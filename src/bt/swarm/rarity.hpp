// How many of the connected peers have each piece, and the pieces that matter in the order of that.
//
// Two sets are kept in order, rarest first, ties at random: the pieces that we *want* and have not begun
// (whom to ask for what), and those that we *hold*, whole or on their way (what to pass on). A choice costs a
// short scan, a HAVE a swap. Knows nothing of peers but their pieces. Core file.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "bt/base/bitfield.hpp"
#include "bt/base/types.hpp"

namespace ezio {

class Rarity {
 public:
  enum class Set : std::uint8_t { wanted, held };

  // All pieces are in `initial`, and nobody has any. `seed` decides the ties.
  Rarity(std::uint32_t piece_count, Set initial, std::uint64_t seed);

  // A peer came with `pieces`, or went; got, or gave up, one more; or has them all from now on, each of which
  // was added before.
  void add(const Bitfield& pieces);
  void remove(const Bitfield& pieces);
  void add(PieceIndex piece);
  void remove(PieceIndex piece);
  void became_seed();

  void move(PieceIndex piece, Set to);
  bool in(Set set, PieceIndex piece) const { return set_[piece.value()] == set; }
  std::uint32_t count(Set set) const {
    return static_cast<std::uint32_t>(orders_[static_cast<std::size_t>(set)].pieces.size());
  }
  std::uint32_t count(Set set, const Bitfield& pieces) const;  // of those in `pieces`
  // Of the peers that do not have everything, those with the piece.
  std::uint32_t copies(PieceIndex piece) const { return availability_[piece.value()]; }
  std::uint32_t availability(PieceIndex piece) const { return seeds_ + availability_[piece.value()]; }

  // The rarest piece of the set for which suits(piece), of those with fewer than `below` copies.
  template <class Suits>
  std::optional<PieceIndex> rarest(Set set, Suits suits, std::uint32_t below = ~std::uint32_t{0}) const {
    for (PieceIndex piece : orders_[static_cast<std::size_t>(set)].pieces) {
      if (copies(piece) >= below) return std::nullopt;
      if (suits(piece)) return piece;
    }
    return std::nullopt;
  }

 private:
  struct Order {
    std::vector<PieceIndex> pieces;         // rarest first
    std::vector<std::uint32_t> bucket_end;  // where in `pieces` those of availability > i begin
  };

  Order& order_of(PieceIndex piece) { return orders_[static_cast<std::size_t>(set_[piece.value()])]; }
  static std::uint32_t bucket_begin(const Order& order, std::uint32_t availability);
  static void ensure_buckets(Order& order, std::uint32_t availability);
  void swap_positions(Order& order, std::uint32_t a, std::uint32_t b);
  void shuffle_into_bucket(Order& order, PieceIndex piece);
  void take_out(PieceIndex piece);
  void put_in(PieceIndex piece);

  std::uint32_t seeds_ = 0;                  // peers with every piece: counted once, not per piece
  std::vector<std::uint32_t> availability_;  // of each piece, without the seeds
  std::vector<Set> set_;                     // that each piece is in
  std::vector<std::uint32_t> position_;      // of each piece in its set's order
  std::array<Order, 2> orders_;
  std::mt19937_64 random_;
};

}  // namespace ezio
