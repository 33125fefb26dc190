#include "bt/swarm/picker.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace ezio {

Picker::Picker(std::uint32_t piece_count, std::uint64_t seed)
    : availability_(piece_count), position_(piece_count), bucket_end_{piece_count}, random_(seed) {
  order_.reserve(piece_count);
  for (std::uint32_t i = 0; i < piece_count; ++i) order_.emplace_back(i);
  std::shuffle(order_.begin(), order_.end(), random_);
  for (std::uint32_t i = 0; i < piece_count; ++i) position_[order_[i].value()] = i;
}

void Picker::add(const Bitfield& pieces) {
  if (pieces.all()) {
    ++seeds_;
    return;
  }
  for (PieceIndex piece; piece.value() < pieces.size(); ++piece) {
    if (pieces.test(piece)) increment(piece);
  }
}

void Picker::add(PieceIndex piece, const Bitfield& pieces) {
  if (!pieces.all()) {
    increment(piece);
    return;
  }
  // The peer has become a seed: from now on it is counted as one, so that removing it undoes the same.
  for (PieceIndex other; other.value() < pieces.size(); ++other) {
    if (other != piece) decrement(other);
  }
  ++seeds_;
}

void Picker::remove(const Bitfield& pieces) {
  if (pieces.all()) {
    assert(seeds_ > 0);
    --seeds_;
    return;
  }
  for (PieceIndex piece; piece.value() < pieces.size(); ++piece) {
    if (pieces.test(piece)) decrement(piece);
  }
}

std::optional<PieceIndex> Picker::rarest(const Bitfield& pieces) const {
  for (PieceIndex piece : order_) {
    if (pieces.test(piece)) return piece;
  }
  return std::nullopt;
}

std::uint32_t Picker::count_missing(const Bitfield& pieces) const {
  return static_cast<std::uint32_t>(
      std::count_if(order_.begin(), order_.end(), [&](PieceIndex piece) { return pieces.test(piece); }));
}

void Picker::start(PieceIndex piece) {
  assert(is_missing(piece));
  // Sink to the end of each bucket in turn: the hole travels to the back of order_.
  ensure_buckets(availability_[piece.value()]);
  for (std::uint32_t a = availability_[piece.value()]; a < bucket_end_.size(); ++a) {
    swap_positions(position_[piece.value()], --bucket_end_[a]);
  }
  order_.pop_back();
  position_[piece.value()] = not_missing;
}

void Picker::put_back(PieceIndex piece) {
  assert(!is_missing(piece));
  ensure_buckets(availability_[piece.value()]);
  position_[piece.value()] = static_cast<std::uint32_t>(order_.size());
  order_.push_back(piece);
  for (std::uint32_t a = static_cast<std::uint32_t>(bucket_end_.size()) - 1; a > availability_[piece.value()];
       --a) {
    swap_positions(position_[piece.value()], bucket_begin(a));
    ++bucket_end_[a];
  }
  ++bucket_end_[availability_[piece.value()]];
  shuffle_into_bucket(piece);
}

std::uint32_t Picker::bucket_begin(std::uint32_t availability) const {
  return availability == 0 ? 0 : bucket_end_[availability - 1];
}

void Picker::swap_positions(std::uint32_t a, std::uint32_t b) {
  std::swap(order_[a], order_[b]);
  position_[order_[a].value()] = a;
  position_[order_[b].value()] = b;
}

void Picker::increment(PieceIndex piece) {
  std::uint32_t& availability = availability_[piece.value()];
  if (!is_missing(piece)) {
    ++availability;
    return;
  }
  ensure_buckets(availability + 1);
  swap_positions(position_[piece.value()], --bucket_end_[availability]);
  ++availability;
  shuffle_into_bucket(piece);
}

void Picker::decrement(PieceIndex piece) {
  std::uint32_t& availability = availability_[piece.value()];
  assert(availability > 0);
  if (!is_missing(piece)) {
    --availability;
    return;
  }
  swap_positions(position_[piece.value()], bucket_begin(availability));
  --availability;
  ++bucket_end_[availability];
  shuffle_into_bucket(piece);
}

void Picker::shuffle_into_bucket(PieceIndex piece) {
  const std::uint32_t availability = availability_[piece.value()];
  std::uniform_int_distribution<std::uint32_t> any(bucket_begin(availability), bucket_end_[availability] - 1);
  swap_positions(position_[piece.value()], any(random_));
}

void Picker::ensure_buckets(std::uint32_t availability) {
  while (bucket_end_.size() <= availability) {
    bucket_end_.push_back(static_cast<std::uint32_t>(order_.size()));
  }
}

}  // namespace ezio
