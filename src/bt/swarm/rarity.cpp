#include "bt/swarm/rarity.hpp"

#include <algorithm>
#include <cassert>

namespace ezio {

Rarity::Rarity(std::uint32_t piece_count, Set initial, std::uint64_t seed)
    : availability_(piece_count), set_(piece_count, initial), position_(piece_count), random_(seed) {
  Order& order = orders_[static_cast<std::size_t>(initial)];
  order.pieces.reserve(piece_count);
  for (std::uint32_t i = 0; i < piece_count; ++i) order.pieces.emplace_back(i);
  std::shuffle(order.pieces.begin(), order.pieces.end(), random_);
  for (std::uint32_t i = 0; i < piece_count; ++i) position_[order.pieces[i].value()] = i;
  order.bucket_end = {piece_count};
}

void Rarity::add(const Bitfield& pieces) {
  if (pieces.all()) {
    ++seeds_;
    return;
  }
  for (PieceIndex piece; piece.value() < pieces.size(); ++piece) {
    if (pieces.test(piece)) add(piece);
  }
}

void Rarity::remove(const Bitfield& pieces) {
  if (pieces.all()) {
    assert(seeds_ > 0);
    --seeds_;
    return;
  }
  for (PieceIndex piece; piece.value() < pieces.size(); ++piece) {
    if (pieces.test(piece)) remove(piece);
  }
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

std::uint32_t Rarity::count(Set set, const Bitfield& pieces) const {
  const auto& order = orders_[static_cast<std::size_t>(set)].pieces;
  return static_cast<std::uint32_t>(
      std::count_if(order.begin(), order.end(), [&](PieceIndex piece) { return pieces.test(piece); }));
}

void Rarity::move(PieceIndex piece, Set to) {
  assert(!in(to, piece));
  take_out(piece);
  set_[piece.value()] = to;
  put_in(piece);
}

void Rarity::take_out(PieceIndex piece) {
  // Sink to the end of each bucket in turn: the hole travels to the back.
  Order& order = order_of(piece);
  ensure_buckets(order, availability_[piece.value()]);
  for (std::uint32_t a = availability_[piece.value()]; a < order.bucket_end.size(); ++a) {
    swap_positions(order, position_[piece.value()], --order.bucket_end[a]);
  }
  order.pieces.pop_back();
}

void Rarity::put_in(PieceIndex piece) {
  Order& order = order_of(piece);
  const std::uint32_t availability = availability_[piece.value()];
  ensure_buckets(order, availability);
  position_[piece.value()] = static_cast<std::uint32_t>(order.pieces.size());
  order.pieces.push_back(piece);
  for (auto a = static_cast<std::uint32_t>(order.bucket_end.size()) - 1; a > availability; --a) {
    swap_positions(order, position_[piece.value()], bucket_begin(order, a));
    ++order.bucket_end[a];
  }
  ++order.bucket_end[availability];
  shuffle_into_bucket(order, piece);
}

void Rarity::add(PieceIndex piece) {
  Order& order = order_of(piece);
  std::uint32_t& availability = availability_[piece.value()];
  ensure_buckets(order, availability + 1);
  swap_positions(order, position_[piece.value()], --order.bucket_end[availability]);
  ++availability;
  shuffle_into_bucket(order, piece);
}

void Rarity::remove(PieceIndex piece) {
  Order& order = order_of(piece);
  std::uint32_t& availability = availability_[piece.value()];
  assert(availability > 0);
  ensure_buckets(order, availability);
  swap_positions(order, position_[piece.value()], bucket_begin(order, availability));
  --availability;
  ++order.bucket_end[availability];
  shuffle_into_bucket(order, piece);
}

std::uint32_t Rarity::bucket_begin(const Order& order, std::uint32_t availability) {
  return availability == 0 ? 0 : order.bucket_end[availability - 1];
}

void Rarity::ensure_buckets(Order& order, std::uint32_t availability) {
  while (order.bucket_end.size() <= availability) {
    order.bucket_end.push_back(static_cast<std::uint32_t>(order.pieces.size()));
  }
}

void Rarity::swap_positions(Order& order, std::uint32_t a, std::uint32_t b) {
  std::swap(order.pieces[a], order.pieces[b]);
  position_[order.pieces[a].value()] = a;
  position_[order.pieces[b].value()] = b;
}

void Rarity::shuffle_into_bucket(Order& order, PieceIndex piece) {
  const std::uint32_t availability = availability_[piece.value()];
  const std::uint32_t begin = bucket_begin(order, availability);
  std::uniform_int_distribution<std::uint32_t> any(begin, order.bucket_end[availability] - 1);
  swap_positions(order, position_[piece.value()], any(random_));
}

}  // namespace ezio
