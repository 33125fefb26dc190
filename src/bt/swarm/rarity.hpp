// How many of the connected peers have each segment, and the segments that matter in the order of that.
//
// Two sets are kept in order, rarest first, ties at random: the segments that we *want* and have not begun
// (whom to ask for what), and those that we *hold*, whole or on their way (what to pass on). Two more have no
// order: those of which we are *unsure*, since the target may hold them, and those that are *aside*, since
// nobody of our kind fetches them (pieces of zeros). A choice costs a short scan, a HAVE a swap a segment.
// Knows nothing of peers but what they have. Core file.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "bt/base/bitfield.hpp"
#include "bt/base/geometry.hpp"
#include "bt/base/types.hpp"

namespace ezio {

class Rarity {
 public:
  enum class Set : std::uint8_t { wanted, held, unsure, aside };

  // All segments are in `initial` but those of the pieces `aside`, and nobody has any. `seed` decides the
  // ties.
  Rarity(const Geometry& geometry, Set initial, const Bitfield& aside, std::uint64_t seed);

  // A peer came with `pieces`, or went; got, or gave up, one segment more; or has them all from now on, each
  // of which was added before.
  void add(const Bitfield& pieces);
  void remove(const Bitfield& pieces);
  void add(SegmentRef segment);
  void remove(SegmentRef segment);
  void became_seed();

  void move(SegmentRef segment, Set to);
  bool in(Set set, SegmentRef segment) const { return set_[index(segment)] == set; }
  std::uint32_t count(Set set) const { return counts_[static_cast<std::size_t>(set)]; }
  std::uint32_t count_wanted(const Bitfield& pieces) const;  // of those in `pieces`
  // Of the peers that do not have everything, those with the segment.
  std::uint32_t copies(SegmentRef segment) const { return availability_[index(segment)]; }
  std::uint32_t availability(SegmentRef segment) const { return seeds_ + copies(segment); }

  // The rarest segment of the set, one in order, for which suits(segment), of those with fewer than `below`
  // copies.
  template <class Suits>
  std::optional<SegmentRef> rarest(Set set, Suits suits, std::uint32_t below = ~std::uint32_t{0}) const {
    for (const Index candidate : order(set).segments) {
      if (availability_[candidate] >= below) return std::nullopt;
      if (const SegmentRef segment = at(candidate); suits(segment)) return segment;
    }
    return std::nullopt;
  }

 private:
  using Index = std::uint32_t;  // of a segment, counted through the torrent
  struct Order {
    std::vector<Index> segments;            // rarest first
    std::vector<std::uint32_t> bucket_end;  // where in `segments` those of availability > i begin
  };

  Index index(SegmentRef segment) const { return (segment.piece.value() << piece_shift_) + segment.segment; }
  SegmentRef at(Index segment) const {
    return {PieceIndex{segment >> piece_shift_}, segment & ((1u << piece_shift_) - 1)};
  }
  template <class Visit>
  void for_segments(const Bitfield& pieces, Visit visit) const;

  static bool is_ordered(Set set) { return set == Set::wanted || set == Set::held; }
  const Order& order(Set set) const { return orders_[static_cast<std::size_t>(set)]; }
  // Of a segment that is in an ordered set, as all below.
  Order& order_of(Index segment) { return orders_[static_cast<std::size_t>(set_[segment])]; }
  static std::uint32_t bucket_begin(const Order& order, std::uint32_t availability);
  static void ensure_buckets(Order& order, std::uint32_t availability);
  void swap_positions(Order& order, std::uint32_t a, std::uint32_t b);
  void shuffle_into_bucket(Order& order, Index segment);
  void take_out(Index segment);
  void put_in(Index segment);

  unsigned piece_shift_;                     // log2 of the segments of a full piece
  std::uint32_t seeds_ = 0;                  // peers with every piece: counted once, not per segment
  std::vector<std::uint32_t> availability_;  // of each segment, without the seeds
  std::vector<Set> set_;                     // that each segment is in
  std::vector<std::uint32_t> position_;      // of each segment in its set's order
  std::array<Order, 2> orders_;
  std::array<std::uint32_t, 4> counts_{};  // segments in each set
  std::mt19937_64 random_;
};

}  // namespace ezio
