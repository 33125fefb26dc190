#include "bt/swarm/rarity.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace ezio {

Rarity::Rarity(const Geometry& geometry, Set initial, const Bitfield& aside, std::uint64_t seed)
    : piece_shift_(
          static_cast<unsigned>(std::countr_zero(geometry.piece_length() / geometry.segment_bytes()))),
      availability_(geometry.segment_total()),
      set_(geometry.segment_total(), initial),
      position_(geometry.segment_total()),
      random_(seed) {
  assert(is_ordered(initial));
  for_segments(aside, [this](SegmentRef segment) { set_[index(segment)] = Set::aside; });
  Order& all = orders_[static_cast<std::size_t>(initial)];
  all.segments.reserve(set_.size());
  for (Index segment = 0; segment < set_.size(); ++segment) {
    if (set_[segment] == initial) all.segments.push_back(segment);
  }
  std::shuffle(all.segments.begin(), all.segments.end(), random_);
  for (std::uint32_t i = 0; i < all.segments.size(); ++i) position_[all.segments[i]] = i;
  const auto count = static_cast<std::uint32_t>(all.segments.size());
  all.bucket_end = {count};
  counts_[static_cast<std::size_t>(initial)] = count;
  counts_[static_cast<std::size_t>(Set::aside)] = geometry.segment_total() - count;
}

template <class Visit>
void Rarity::for_segments(const Bitfield& pieces, Visit visit) const {
  for (PieceIndex piece; piece.value() < pieces.size(); ++piece) {
    if (!pieces.test(piece)) continue;
    const Index end = std::min(index({piece, 0}) + (1u << piece_shift_), Index(position_.size()));
    for (Index segment = index({piece, 0}); segment < end; ++segment) visit(at(segment));
  }
}

void Rarity::add(const Bitfield& pieces) {
  if (pieces.all()) {
    ++seeds_;
    return;
  }
  for_segments(pieces, [this](SegmentRef segment) { add(segment); });
}

void Rarity::remove(const Bitfield& pieces) {
  if (pieces.all()) {
    assert(seeds_ > 0);
    --seeds_;
    return;
  }
  for_segments(pieces, [this](SegmentRef segment) { remove(segment); });
}

// Everything sinks by one: the order stays, and with it most of the work undone.
void Rarity::became_seed() {
  ++seeds_;
  for (std::uint32_t& availability : availability_) {
    assert(availability > 0);
    --availability;
  }
  for (Order& order : orders_) {
    if (order.bucket_end.empty()) continue;
    assert(order.bucket_end.front() == 0);
    order.bucket_end.erase(order.bucket_end.begin());
    ensure_buckets(order, 0);
  }
}

std::uint32_t Rarity::count_wanted(const Bitfield& pieces) const {
  const auto& segments = order(Set::wanted).segments;
  return static_cast<std::uint32_t>(std::count_if(
      segments.begin(), segments.end(), [&](Index segment) { return pieces.test(at(segment).piece); }));
}

void Rarity::move(SegmentRef segment, Set to) {
  assert(!in(to, segment));
  Set& set = set_[index(segment)];
  if (is_ordered(set)) take_out(index(segment));
  --counts_[static_cast<std::size_t>(set)];
  set = to;
  ++counts_[static_cast<std::size_t>(set)];
  if (is_ordered(set)) put_in(index(segment));
}

void Rarity::take_out(Index segment) {
  // Sink to the end of each bucket in turn: the hole travels to the back.
  Order& order = order_of(segment);
  ensure_buckets(order, availability_[segment]);
  for (std::uint32_t a = availability_[segment]; a < order.bucket_end.size(); ++a) {
    swap_positions(order, position_[segment], --order.bucket_end[a]);
  }
  order.segments.pop_back();
}

void Rarity::put_in(Index segment) {
  Order& order = order_of(segment);
  const std::uint32_t availability = availability_[segment];
  ensure_buckets(order, availability);
  position_[segment] = static_cast<std::uint32_t>(order.segments.size());
  order.segments.push_back(segment);
  for (auto a = static_cast<std::uint32_t>(order.bucket_end.size()) - 1; a > availability; --a) {
    swap_positions(order, position_[segment], bucket_begin(order, a));
    ++order.bucket_end[a];
  }
  ++order.bucket_end[availability];
  shuffle_into_bucket(order, segment);
}

void Rarity::add(SegmentRef added) {
  const Index segment = index(added);
  if (!is_ordered(set_[segment])) {
    ++availability_[segment];
    return;
  }
  Order& order = order_of(segment);
  std::uint32_t& availability = availability_[segment];
  ensure_buckets(order, availability + 1);
  swap_positions(order, position_[segment], --order.bucket_end[availability]);
  ++availability;
  shuffle_into_bucket(order, segment);
}

void Rarity::remove(SegmentRef removed) {
  const Index segment = index(removed);
  std::uint32_t& availability = availability_[segment];
  assert(availability > 0);
  if (!is_ordered(set_[segment])) {
    --availability;
    return;
  }
  Order& order = order_of(segment);
  ensure_buckets(order, availability);
  swap_positions(order, position_[segment], bucket_begin(order, availability));
  --availability;
  ++order.bucket_end[availability];
  shuffle_into_bucket(order, segment);
}

std::uint32_t Rarity::bucket_begin(const Order& order, std::uint32_t availability) {
  return availability == 0 ? 0 : order.bucket_end[availability - 1];
}

void Rarity::ensure_buckets(Order& order, std::uint32_t availability) {
  while (order.bucket_end.size() <= availability) {
    order.bucket_end.push_back(static_cast<std::uint32_t>(order.segments.size()));
  }
}

void Rarity::swap_positions(Order& order, std::uint32_t a, std::uint32_t b) {
  std::swap(order.segments[a], order.segments[b]);
  position_[order.segments[a]] = a;
  position_[order.segments[b]] = b;
}

void Rarity::shuffle_into_bucket(Order& order, Index segment) {
  const std::uint32_t availability = availability_[segment];
  const std::uint32_t begin = bucket_begin(order, availability);
  std::uniform_int_distribution<std::uint32_t> any(begin, order.bucket_end[availability] - 1);
  swap_positions(order, position_[segment], any(random_));
}

}  // namespace ezio
