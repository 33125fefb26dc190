#include "bt/swarm/piece_download.hpp"

#include <algorithm>
#include <cassert>

namespace ezio {

PieceDownload::PieceDownload(const Geometry& geometry, PieceIndex piece, std::vector<BufferId> buffers)
    : piece_(piece),
      size_(geometry.piece_size(piece)),
      segment_bytes_(geometry.segment_bytes()),
      buffers_(std::move(buffers)),
      blocks_(geometry.block_count(piece)),
      segments_(geometry.segment_count(piece)),
      open_(geometry.block_count(piece)) {
  assert(buffers_.size() == segments_.size());
  count_open();
}

// ---------------------------------------------------------------- segments

std::uint32_t PieceDownload::end_block(std::uint32_t segment) const {
  return std::min(first_block(segment + 1), static_cast<std::uint32_t>(blocks_.size()));
}

void PieceDownload::count_open() {
  open_ = 0;
  for (std::uint32_t i = 0; i < segments_.size(); ++i) {
    const auto first = blocks_.begin() + first_block(i);
    segments_[i].open = static_cast<std::uint32_t>(std::count_if(
        first, blocks_.begin() + end_block(i), [](const Block& block) { return block.open(); }));
    segments_[i].open_hint = first_block(i);
    open_ += segments_[i].open;
  }
}

std::optional<std::uint32_t> PieceDownload::first_unbegun() const {
  const auto found = std::find_if(segments_.begin(), segments_.end(), [](const auto& s) { return !s.begun; });
  if (found == segments_.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - segments_.begin());
}

bool PieceDownload::untouched(std::uint32_t segment) const {
  return segments_[segment].open == end_block(segment) - first_block(segment);
}

std::uint32_t PieceDownload::wire_bytes(std::uint32_t segment) const {
  if (const SegmentFrame& frame = segments_[segment].frame) return frame.bytes;
  return std::min(segment_bytes_, size_ - segment * segment_bytes_);
}

std::uint32_t PieceDownload::wire_end(std::uint32_t segment) const {
  return segment * segment_bytes_ + wire_bytes(segment);
}

std::uint32_t PieceDownload::missing_bytes(std::uint32_t segment) const {
  return wire_bytes(segment) - segments_[segment].received_bytes;
}

std::uint32_t PieceDownload::missing_bytes() const {
  std::uint32_t missing = 0;
  for (std::uint32_t i = 0; i < segments_.size(); ++i) missing += missing_bytes(i);
  return missing;
}

void PieceDownload::let_go(PeerHandle peer) {
  if (exclusive == peer) exclusive.reset();
  for (Segment& segment : segments_) {
    if (segment.source == peer) segment.source.reset();
  }
}

std::optional<BlockSpan> PieceDownload::first_open(std::uint32_t segment, std::uint32_t max_bytes) const {
  assert(max_bytes >= block_bytes);
  const std::uint32_t count = end_block(segment);
  std::uint32_t first = segments_[segment].open_hint;
  while (first < count && !blocks_[first].open()) ++first;
  segments_[segment].open_hint = first;
  if (first == count) return std::nullopt;
  const std::uint32_t begin = first * block_bytes;
  const std::uint32_t limit = std::min(wire_end(segment), begin + max_bytes);
  std::uint32_t end = begin;
  for (std::uint32_t i = first; i < count && end < limit && blocks_[i].open(); ++i) {
    const std::uint32_t block_end = std::min((i + 1) * block_bytes, wire_end(segment));
    if (block_end > limit) break;
    end = block_end;
  }
  return BlockSpan{piece_, begin, end - begin, segments_[segment].frame.id};
}

// ---------------------------------------------------------------- frames

void PieceDownload::set_frame(std::uint32_t segment, SegmentFrame frame, BufferId buffer) {
  assert(untouched(segment) && frame && !segments_[segment].frame);
  segments_[segment].frame = frame;
  segments_[segment].frame_buffer = buffer;
  const std::uint32_t end = first_block(segment) + (frame.bytes + block_bytes - 1) / block_bytes;
  for (std::uint32_t i = end; i < end_block(segment); ++i) {
    blocks_[i].absent = blocks_[i].received = true;
    ++received_;
  }
  count_open();
}

bool PieceDownload::may_drop_frame(std::uint32_t segment) const {
  const Unpacked unpacked = segments_[segment].unpacked;
  if (unpacked == Unpacked::asked) return false;
  const auto first = blocks_.begin() + first_block(segment);
  return std::none_of(first, blocks_.begin() + end_block(segment),
                      [](const Block& block) { return block.arriving || block.requesters > 0; });
}

void PieceDownload::drop_frame(std::uint32_t segment) {
  assert(may_drop_frame(segment));
  for (std::uint32_t i = first_block(segment); i < end_block(segment); ++i) {
    received_ -= blocks_[i].received;
    blocks_[i] = Block{};
  }
  Segment& dropped = segments_[segment];
  received_bytes_ -= dropped.received_bytes;
  dropped.received_bytes = 0;
  dropped.frame = {};
  dropped.unpacked = Unpacked::no;
  dropped.frameless.clear();
  prefix_ = std::min(prefix_, first_block(segment));
  count_open();
}

bool PieceDownload::is_packed(std::uint32_t segment) const {
  return segments_[segment].frame && segments_[segment].unpacked == Unpacked::no && complete(segment);
}

void PieceDownload::unpacking(std::uint32_t segment) {
  assert(is_packed(segment));
  segments_[segment].unpacked = Unpacked::asked;
  ++unpacking_;
}

void PieceDownload::unpacked(std::uint32_t segment, bool good) {
  assert(segments_[segment].unpacked == Unpacked::asked);
  segments_[segment].unpacked = good ? Unpacked::good : Unpacked::bad;
  --unpacking_;
}

bool PieceDownload::has_frames() const {
  return std::any_of(segments_.begin(), segments_.end(), [](const Segment& s) { return bool{s.frame}; });
}

bool PieceDownload::is_frameless(std::uint32_t segment, PeerHandle peer) const {
  const auto& frameless = segments_[segment].frameless;
  return std::find(frameless.begin(), frameless.end(), peer) != frameless.end();
}

BufferId PieceDownload::buffer_of(const BlockSpan& span) const {
  const std::uint32_t segment = segment_index(span.begin / block_bytes);
  return span.frame != 0 ? segments_[segment].frame_buffer : buffers_[segment];
}

// Whether the segment comes in the form that the span has.
bool PieceDownload::is_of_our_form(const BlockSpan& span) const {
  const std::uint32_t segment = segment_index(span.begin / block_bytes);
  const SegmentFrame& frame = segments_[segment].frame;
  return frame.id == span.frame && (!frame || span.begin + span.length <= wire_end(segment));
}

// The block's own bytes are where they belong, if it has been received.
bool PieceDownload::is_plain(std::uint32_t block) const {
  const Segment& segment = segments_[segment_index(block)];
  return !segment.frame || segment.unpacked >= Unpacked::good;
}

// ---------------------------------------------------------------- blocks

bool PieceDownload::is_block_run(const BlockSpan& span) const {
  const std::uint32_t end = span.begin + span.length;
  const std::uint32_t last = span.frame != 0 ? wire_end(segment_index(span.begin / block_bytes)) : size_;
  return span.begin % block_bytes == 0 && (end % block_bytes == 0 || end == last);
}

template <class Change>
void PieceDownload::for_blocks(const BlockSpan& span, Change change) {
  assert(span.piece == piece_ && is_block_run(span));
  const std::uint32_t first = span.begin / block_bytes;
  const std::uint32_t last = (span.begin + span.length - 1) / block_bytes;
  for (std::uint32_t i = first; i <= last; ++i) {
    const bool was_open = blocks_[i].open();
    change(blocks_[i]);
    const bool is_open = blocks_[i].open();
    Segment& segment = segment_of(i);
    open_ += is_open;
    open_ -= was_open;
    segment.open += is_open;
    segment.open -= was_open;
    if (is_open) segment.open_hint = std::min(segment.open_hint, i);
  }
}

template <class Is>
bool PieceDownload::any_block(const BlockSpan& span, Is is) const {
  const std::uint32_t last = (span.begin + span.length - 1) / block_bytes;
  for (std::uint32_t i = span.begin / block_bytes; i <= last; ++i) {
    if (is(blocks_[i])) return true;
  }
  return false;
}

bool PieceDownload::wants(const BlockSpan& span) const {
  return is_of_our_form(span) &&
         !any_block(span, [](const Block& block) { return block.received || block.arriving; });
}

bool PieceDownload::wants_duplicate(const BlockSpan& span) const {
  return wants(span) && any_block(span, [](const Block& block) { return block.requesters == 1; });
}

bool PieceDownload::requested(const BlockSpan& span) const {
  return is_of_our_form(span) && any_block(span, [](const Block& block) { return block.requesters > 0; });
}

bool PieceDownload::holds(const BlockSpan& span) const {
  const bool in_place = span.frame != 0 ? is_of_our_form(span) : is_plain(span.begin / block_bytes);
  return in_place && !any_block(span, [](const Block& block) { return !block.received; });
}

void PieceDownload::request(const BlockSpan& span) {
  for_blocks(span, [](Block& block) { ++block.requesters; });
}

void PieceDownload::give_back(const BlockSpan& span) {
  for_blocks(span, [](Block& block) {
    assert(block.requesters > 0);
    --block.requesters;
  });
}

void PieceDownload::arriving(const BlockSpan& span) {
  assert(wants(span));
  for_blocks(span, [](Block& block) { block.arriving = true; });
}

void PieceDownload::arrival_ended(const BlockSpan& span) {
  for_blocks(span, [](Block& block) { block.arriving = false; });
}

void PieceDownload::received(const BlockSpan& span, PeerHandle from, bool vouched) {
  received_bytes_ += span.length;
  segment_of(span.begin / block_bytes).received_bytes += span.length;
  for_blocks(span, [&](Block& block) {
    assert(block.arriving && !block.received);
    block.arriving = false;
    block.received = true;
    block.from = from;
    block.vouched = vouched;
    ++received_;
  });
}

std::vector<PieceDownload::Contributor> PieceDownload::contributors() const {
  std::vector<Contributor> found;
  for (const Block& block : blocks_) {
    if (!block.received || block.absent) continue;
    auto known =
        std::find_if(found.begin(), found.end(), [&](const auto& c) { return c.peer == block.from; });
    if (known == found.end()) {
      found.push_back({block.from, block.vouched});
    } else {
      known->vouched &= block.vouched;
    }
  }
  return found;
}

void PieceDownload::reset() {
  assert(!has_frames());
  // A peer may still be asked for a block that another one sent first: its count stays.
  for (Block& block : blocks_) {
    assert(!block.arriving);
    block.received = false;
  }
  for (Segment& segment : segments_) segment.received_bytes = 0;
  count_open();
  received_ = 0;
  received_bytes_ = 0;
  prefix_ = 0;
  hashed = 0;
}

std::uint32_t PieceDownload::received_prefix() const {
  while (prefix_ < blocks_.size() && blocks_[prefix_].received && is_plain(prefix_)) ++prefix_;
  return std::min(prefix_ * block_bytes, size_);
}

}  // namespace ezio
