// Swarm's dealings with its target: what it holds before the clone, zeros, the flush, and reading it back.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "bt/swarm/swarm.hpp"

namespace ezio {

void Swarm::advance_target() {
  inspection_.advance();
  zeroing_.advance();
}

void Swarm::on(const SegmentInspected& event) {
  inspected(inspection_.on_read(event.segment, event.error));
}

void Swarm::on(const HoleInspected& event) {
  inspected(inspection_.on_hole(event.piece, event.hole));
}

void Swarm::inspected(const std::optional<TargetInspection::Verdict>& verdict) {
  if (finished()) return;
  if (verdict) {
    state_ == State::verifying ? inspected_after(*verdict) : inspected_before(*verdict);
    if (!context_.failure.empty()) return;
  }
  inspection_.advance();
  if (verdict && inspection_.over()) {
    state_ == State::verifying ? read_back_over() : looked_at_target();
  }
}

// ---------------------------------------------------------------- before

void Swarm::look_at_target() {
  look_at(reuse_.first(context_.zeros, config_.random_seed + 3));
}

void Swarm::look_at(const std::vector<PieceIndex>& pieces) {
  context_.held = reuse_.sampling();
  if (!reuse_.sampling()) {
    for (PieceIndex piece : pieces) {
      if (!context_.zeros.test(piece)) context_.census.move(piece, Rarity::Set::unsure);
    }
  }
  inspection_.look_at(pieces);
  inspection_.advance();
  if (inspection_.over()) looked_at_target();
}

void Swarm::inspected_before(const TargetInspection::Verdict& verdict) {
  const PieceIndex piece = verdict.piece;
  if (verdict.found == TargetInspection::Found::right) {
    reuse_.right();
    context_.have.set(piece);
    if (!context_.zeros.test(piece)) context_.census.move(piece, Rarity::Set::held);
    reused_bytes_ += context_.geometry.piece_size(piece);
    return tell_have(piece);
  }
  if (verdict.found == TargetInspection::Found::unreadable) {
    context_.emit(
        Note{fmt::format("piece {} of the target cannot be read, {}", piece.value(), verdict.error)});
    if (!reuse_.unreadable()) inspection_.look_no_further();
  }
  if (context_.zeros.test(piece) || !context_.census.unsure(piece)) return;
  want(piece);
  wants_changed();
}

void Swarm::looked_at_target() {
  std::vector<PieceIndex> missing;
  for (PieceIndex piece; piece.value() < context_.have.size(); ++piece) {
    if (!context_.have.test(piece)) missing.push_back(piece);
  }
  if (reuse_.go_on()) return look_at(missing);
  for (PieceIndex piece : missing) want(piece);
  context_.held = false;
  zeroing_.advance();
  wants_changed();
  dial();
  check_written();
}

void Swarm::want(PieceIndex piece) {
  if (context_.zeros.test(piece)) {
    zeroing_.add(piece);
  } else if (store_.find(piece) == nullptr) {
    context_.census.move(piece, Rarity::Set::wanted);
  }
}

void Swarm::wants_changed() {
  for (auto& [handle, peer] : context_.peers) {
    if (peer.active()) update_interest(peer);
  }
  requests_.fill_all();
}

// ---------------------------------------------------------------- zeros

void Swarm::on(const PieceZeroed& event) {
  zeroing_.done();
  if (finished()) return;
  if (!event.error.empty()) {
    context_.fail(fmt::format("write of zeros failed: {}", event.error));
    return;
  }
  zeroed_bytes_ += context_.geometry.piece_size(event.piece);
  context_.have.set(event.piece);
  tell_have(event.piece);
  zeroing_.advance();
  check_written();
}

// ---------------------------------------------------------------- after

void Swarm::check_written() {
  if (state_ != State::downloading || !inspection_.over() || !store_.all_written()) return;
  state_ = State::flushing;
  flushing_ = true;
  context_.emit(Flush{config_.read_back && config_.target.cached});
}

void Swarm::on(const Flushed& event) {
  flushing_ = false;
  if (finished()) return;
  if (!event.error.empty()) {
    context_.fail(fmt::format("flush failed: {}", event.error));
    return;
  }
  needs_read_back() ? read_back() : conclude();
}

// What was read from the device itself, and not written since, has been read back already.
bool Swarm::needs_read_back() const {
  return config_.read_back && (config_.target.cached || written_bytes_ + zeroed_bytes_ > 0);
}

void Swarm::read_back() {
  state_ = State::verifying;
  read_back_.begin_pass();
  std::vector<PieceIndex> all;
  for (PieceIndex piece; piece.value() < context_.have.size(); ++piece) all.push_back(piece);
  inspection_.look_at(std::move(all));
  inspection_.advance();
}

void Swarm::inspected_after(const TargetInspection::Verdict& verdict) {
  read_back_.seen();
  const PieceIndex piece = verdict.piece;
  if (verdict.found == TargetInspection::Found::unreadable) {
    context_.fail(fmt::format("read back failed: {}", verdict.error));
  } else if (verdict.found == TargetInspection::Found::wrong) {
    const std::string what =
        fmt::format("piece {} {}: the device does not hold what was written", piece.value(), place_of(piece));
    if (!read_back_.may_repair(piece)) {
      context_.fail(what);
      return;
    }
    context_.emit(Note{what + "; once more"});
    repair(piece);
  }
}

void Swarm::repair(PieceIndex piece) {
  store_.lose(piece);
  uploader_.piece_gone(piece);
  planner_.piece_gone(piece);
  want(piece);
  zeroing_.advance();
  wants_changed();
}

void Swarm::read_back_over() {
  if (read_back_.all_right()) return conclude();
  state_ = State::downloading;
  check_written();
}

void Swarm::conclude() {
  concluding_ = true;
  context_.emit(Conclude{});
}

void Swarm::on(const Concluded& event) {
  concluding_ = false;
  if (finished()) return;
  if (!event.error.empty()) {
    context_.fail(event.error);
    return;
  }
  become_complete();
}

std::string Swarm::place_of(PieceIndex piece) const {
  std::uint64_t offset = context_.geometry.piece_offset(piece);
  auto extent = metainfo_.extents.begin();
  while (offset >= extent->length) offset -= (extent++)->length;
  return fmt::format("at byte {} of the device", extent->offset + offset);
}

}  // namespace ezio
