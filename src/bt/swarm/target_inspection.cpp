#include "bt/swarm/target_inspection.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace ezio {

TargetInspection::TargetInspection(SwarmContext& context, const std::vector<Sha1Digest>& piece_hashes,
                                   TargetIndex target, bool sequential)
    : context_(context),
      piece_hashes_(piece_hashes),
      target_(target),
      sequential_(sequential),
      buffers_(std::max(std::min(context.pool.capacity() / 4, most_buffers) / context.targets.size(), 1u)) {}

TargetInspection::~TargetInspection() {
  for (Stream& stream : open_) {
    for (const auto& [segment, slot] : stream.slots) context_.pool.release(slot.buffer);
  }
}

void TargetInspection::look_at(std::vector<PieceIndex> pieces) {
  assert(over());
  pieces_ = std::move(pieces);
  next_ = 0;
}

void TargetInspection::look_no_further() {
  pieces_.resize(next_);
}

TargetInspection::StreamRef TargetInspection::find(PieceIndex piece) {
  return std::find_if(open_.begin(), open_.end(), [&](const Stream& s) { return s.piece == piece; });
}

// ---------------------------------------------------------------- reading

void TargetInspection::advance() {
  if (target_failed()) return;
  for (Stream& stream : open_) {
    if (!read_ahead(stream)) return;
  }
  while (next_ < pieces_.size() && open_.size() < streams) {
    begin(pieces_[next_++]);
    if (!read_ahead(open_.back())) return;
  }
}

// In a file a piece of zeros is often a hole, which need not be read.
void TargetInspection::begin(PieceIndex piece) {
  Stream& stream = open_.emplace_back();
  stream.piece = piece;
  if (!context_.zeros.test(piece)) return;
  stream.asking = true;
  ++io_in_flight_;
  context_.emit(InspectHole{piece, target_});
}

// False where buffers are short.
bool TargetInspection::read_ahead(Stream& stream) {
  if (stream.asking || halted(stream)) return true;
  const std::uint32_t count = context_.geometry.segment_count(stream.piece);
  while (stream.next < count && stream.slots.size() < depth()) {
    if (buffers_held_ == buffers_) return false;
    const std::optional<BufferId> buffer = context_.pool.acquire();
    if (!buffer) return false;
    ++buffers_held_;
    ++io_in_flight_;
    stream.slots.emplace(stream.next, Slot{*buffer});
    context_.emit(InspectSegment{{stream.piece, stream.next}, *buffer, target_});
    ++stream.next;
  }
  return true;
}

void TargetInspection::release(Stream& stream, std::uint32_t segment) {
  const auto slot = stream.slots.find(segment);
  context_.pool.release(slot->second.buffer);
  stream.slots.erase(slot);
  --buffers_held_;
}

// ---------------------------------------------------------------- answers

std::optional<TargetInspection::Verdict> TargetInspection::on_hole(PieceIndex piece, bool hole) {
  const StreamRef stream = find(piece);
  assert(stream != open_.end() && stream->asking);
  --io_in_flight_;
  stream->asking = false;
  if (!hole || target_failed()) return settle(stream);
  progress_bytes_ += context_.geometry.piece_size(piece);
  return close(stream, Found::right);
}

std::optional<TargetInspection::Verdict> TargetInspection::on_read(SegmentRef segment,
                                                                   const std::string& error) {
  const StreamRef stream = find(segment.piece);
  assert(stream != open_.end());
  --io_in_flight_;
  stream->slots.at(segment.segment).filled = true;
  if (!error.empty() && stream->error.empty()) stream->error = error;
  hash_next(*stream);
  return settle(stream);
}

void TargetInspection::hash_next(Stream& stream) {
  if (stream.hashing || halted(stream)) return;
  const auto slot = stream.slots.find(stream.hashed);
  if (slot == stream.slots.end() || !slot->second.filled) return;
  const bool last = stream.hashed + 1 == context_.geometry.segment_count(stream.piece);
  const std::uint32_t size = context_.geometry.segment_size({stream.piece, stream.hashed});
  context_.emit(HashSegment{stream.piece, slot->second.buffer, 0, size, stream.hashed == 0, last, target_});
  stream.hashing = true;
  ++io_in_flight_;
}

std::optional<TargetInspection::Verdict> TargetInspection::on_hashed(PieceIndex piece,
                                                                     const Sha1Digest& digest) {
  const StreamRef stream = find(piece);
  assert(stream != open_.end() && stream->hashing);
  --io_in_flight_;
  stream->hashing = false;
  progress_bytes_ += context_.geometry.segment_size({piece, stream->hashed});
  release(*stream, stream->hashed++);
  if (stream->hashed == context_.geometry.segment_count(piece)) {
    return close(stream, digest == piece_hashes_[piece.value()] ? Found::right : Found::wrong);
  }
  hash_next(*stream);
  return settle(stream);
}

// What was halted is over when the disk and the hash have let go of its buffers.
std::optional<TargetInspection::Verdict> TargetInspection::settle(StreamRef stream) {
  if (!halted(*stream) || stream->hashing) return std::nullopt;
  for (const auto& [segment, slot] : stream->slots) {
    if (!slot.filled) return std::nullopt;
  }
  return close(stream, Found::unreadable);
}

TargetInspection::Verdict TargetInspection::close(StreamRef stream, Found found) {
  while (!stream->slots.empty()) release(*stream, stream->slots.begin()->first);
  Verdict verdict{stream->piece, found, std::move(stream->error)};
  open_.erase(stream);
  return verdict;
}

}  // namespace ezio
