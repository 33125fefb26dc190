// Swarm's dealings with its targets: what they hold before the clone, zeros, the flush, reading them back,
// and those that fail.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "bt/swarm/swarm.hpp"

namespace ezio {

void Swarm::advance_target() {
  for (TargetIndex index : context_.targets) target(index).inspection.advance();
  zeroing_.advance();
}

void Swarm::on(const SegmentInspected& event) {
  inspected(event.target, target(event.target).inspection.on_read(event.segment, event.error));
}

void Swarm::on(const HoleInspected& event) {
  inspected(event.target, target(event.target).inspection.on_hole(event.piece, event.hole));
}

void Swarm::inspected(TargetIndex index, const std::optional<TargetInspection::Verdict>& verdict) {
  if (finished() || !context_.targets.contains(index)) return;
  if (verdict) {
    state_ == State::verifying ? inspected_after(index, *verdict) : inspected_before(index, *verdict);
  }
  target(index).inspection.advance();
  if (verdict) check_inspected();
}

void Swarm::look_everywhere_at(const std::vector<PieceIndex>& pieces) {
  awaited_ = AllTargets::inspected;
  for (TargetIndex index : context_.targets) {
    target(index).inspection.look_at(pieces);
    target(index).inspection.advance();
  }
  check_inspected();
}

void Swarm::check_inspected() {
  if (awaited_ != AllTargets::inspected || !context_.failure.empty()) return;
  if (!context_.targets.all([&](TargetIndex index) { return target(index).inspection.over(); })) return;
  awaited_ = AllTargets::nothing;
  state_ == State::verifying ? read_back_over() : looked_at_target();
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
  look_everywhere_at(pieces);
}

void Swarm::inspected_before(TargetIndex index, const TargetInspection::Verdict& verdict) {
  const PieceIndex piece = verdict.piece;
  if (verdict.found == TargetInspection::Found::right) {
    target(index).right.set(piece);
    if (right_on_all(piece)) found_right(piece);
    return;
  }
  if (verdict.found == TargetInspection::Found::unreadable) {
    context_.emit(
        Note{fmt::format("piece {} of the target cannot be read, {}", piece.value(), verdict.error), index});
    if (!reuse_.unreadable()) {
      for (Target& target : targets_) target.inspection.look_no_further();
    }
  }
  if (context_.zeros.test(piece) || !context_.census.unsure(piece)) return;
  want(piece);
  wants_changed();
}

bool Swarm::right_on_all(PieceIndex piece) const {
  return context_.targets.all([&](TargetIndex index) { return target(index).right.test(piece); });
}

void Swarm::found_right(PieceIndex piece) {
  if (context_.have.test(piece) || store_.find(piece) != nullptr) return;
  reuse_.right();
  context_.have.set(piece);
  if (!context_.zeros.test(piece)) context_.census.move(piece, Rarity::Set::held);
  reused_bytes_ += context_.geometry.piece_size(piece);
  tell_have(piece);
}

void Swarm::looked_at_target() {
  std::vector<PieceIndex> missing;
  for (PieceIndex piece; piece.value() < context_.have.size(); ++piece) {
    if (right_on_all(piece)) found_right(piece);  // not known before where a target has failed meanwhile
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
  if (!event.error.empty())
    context_.lose(event.target, fmt::format("write of zeros failed: {}", event.error));
  zeroing_.answered(event.piece, event.target);
  count_zeroed();
}

void Swarm::count_zeroed() {
  const std::vector<PieceIndex> done = zeroing_.take_done();
  if (finished() || context_.targets.empty()) return;
  for (PieceIndex piece : done) {
    zeroed_bytes_ += context_.geometry.piece_size(piece);
    context_.have.set(piece);
    tell_have(piece);
  }
  zeroing_.advance();
  check_written();
}

// ---------------------------------------------------------------- after

void Swarm::check_written() {
  if (state_ != State::downloading || awaited_ != AllTargets::nothing || !store_.all_written()) return;
  state_ = State::flushing;
  awaited_ = AllTargets::flushed;
  bytes_at_flush_ = written_bytes_ + zeroed_bytes_;
  flushing_ = context_.targets;
  for (TargetIndex index : context_.targets) {
    context_.emit(Flush{config_.read_back && config_.targets[index.value()].cached, index});
  }
}

void Swarm::on(const Flushed& event) {
  flushing_.erase(event.target);
  if (finished()) return;
  if (!event.error.empty()) context_.lose(event.target, fmt::format("flush failed: {}", event.error));
  check_flushed();
}

void Swarm::check_flushed() {
  if (awaited_ != AllTargets::flushed || !context_.failure.empty()) return;
  if (!(flushing_ & context_.targets).empty()) return;
  awaited_ = AllTargets::nothing;
  needs_read_back() ? read_back() : conclude();
}

// What was read from the device itself, and not written since, has been read back already.
bool Swarm::needs_read_back() const {
  if (!config_.read_back) return false;
  if (written_bytes_ + zeroed_bytes_ > 0) return true;
  return std::any_of(config_.targets.begin(), config_.targets.end(),
                     [](const StorageTraits& traits) { return traits.cached; });
}

void Swarm::read_back() {
  state_ = State::verifying;
  for (TargetIndex index : context_.targets) target(index).read_back.begin_pass();
  std::vector<PieceIndex> all;
  for (PieceIndex piece; piece.value() < context_.have.size(); ++piece) all.push_back(piece);
  look_everywhere_at(all);
}

void Swarm::inspected_after(TargetIndex index, const TargetInspection::Verdict& verdict) {
  ReadBack& read_back = target(index).read_back;
  read_back.seen();
  const PieceIndex piece = verdict.piece;
  if (verdict.found == TargetInspection::Found::unreadable) {
    context_.lose(index, fmt::format("read back failed: {}", verdict.error));
  } else if (verdict.found == TargetInspection::Found::wrong) {
    const std::string what =
        fmt::format("piece {} {}: the device does not hold what was written", piece.value(), place_of(piece));
    if (!read_back.may_repair(piece)) {
      context_.lose(index, what);
      return;
    }
    context_.emit(Note{what + "; once more", index});
    repair(piece);
  }
}

// It is written to all targets, and may be under way since it was found wrong on another one.
void Swarm::repair(PieceIndex piece) {
  if (!context_.have.test(piece) || store_.is_writing(piece)) return;
  store_.lose(piece);
  uploader_.piece_gone(piece);
  planner_.piece_gone(piece);
  want(piece);
  zeroing_.advance();
  wants_changed();
}

void Swarm::read_back_over() {
  const bool right =
      context_.targets.all([&](TargetIndex index) { return target(index).read_back.all_right(); });
  // Repairs for a target that failed since may have been written to the others, or be on their way there.
  const bool untouched = store_.all_written() && written_bytes_ + zeroed_bytes_ == bytes_at_flush_;
  if (right && untouched) return conclude();
  state_ = State::downloading;
  check_written();
}

void Swarm::conclude() {
  awaited_ = AllTargets::concluded;
  concluding_ = context_.targets;
  for (TargetIndex index : context_.targets) context_.emit(Conclude{index});
}

void Swarm::on(const Concluded& event) {
  concluding_.erase(event.target);
  if (finished()) return;
  if (!event.error.empty()) context_.lose(event.target, event.error);
  check_concluded();
}

void Swarm::check_concluded() {
  if (awaited_ != AllTargets::concluded || !context_.failure.empty()) return;
  if (!(concluding_ & context_.targets).empty()) return;
  awaited_ = AllTargets::nothing;
  become_complete();
}

// ---------------------------------------------------------------- a target that fails

void Swarm::draw_consequences(const SwarmContext::LostTarget& lost) {
  context_.emit(TargetFailed{lost.target, lost.message});
  store_.target_lost(lost.target);
  zeroing_.target_lost();
  if (!context_.failure.empty()) return;
  count_zeroed();
  check_inspected();
  check_flushed();
  check_concluded();
  requests_.fill_all();
}

std::string Swarm::place_of(PieceIndex piece) const {
  std::uint64_t offset = context_.geometry.piece_offset(piece);
  auto extent = metainfo_.extents.begin();
  while (offset >= extent->length) offset -= (extent++)->length;
  return fmt::format("at byte {} of the device", extent->offset + offset);
}

}  // namespace ezio
