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

std::uint32_t PieceDownload::missing_bytes(std::uint32_t segment) const {
  const std::uint32_t size = std::min(segment_bytes_, size_ - segment * segment_bytes_);
  return size - segments_[segment].received_bytes;
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
  const std::uint32_t limit = std::min(size_, begin + max_bytes);
  std::uint32_t end = begin;
  for (std::uint32_t i = first; i < count && end < limit && blocks_[i].open(); ++i) {
    const std::uint32_t block_end = std::min((i + 1) * block_bytes, size_);
    if (block_end > limit) break;
    end = block_end;
  }
  return BlockSpan{piece_, begin, end - begin};
}

// ---------------------------------------------------------------- blocks

bool PieceDownload::is_block_run(const BlockSpan& span) const {
  const std::uint32_t end = span.begin + span.length;
  return span.begin % block_bytes == 0 && (end % block_bytes == 0 || end == size_);
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
  return !any_block(span, [](const Block& block) { return block.received || block.arriving; });
}

bool PieceDownload::wants_duplicate(const BlockSpan& span) const {
  return wants(span) && any_block(span, [](const Block& block) { return block.requesters == 1; });
}

bool PieceDownload::requested(const BlockSpan& span) const {
  return any_block(span, [](const Block& block) { return block.requesters > 0; });
}

bool PieceDownload::holds(const BlockSpan& span) const {
  return !any_block(span, [](const Block& block) { return !block.received; });
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
    if (!block.received) continue;
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
  while (prefix_ < blocks_.size() && blocks_[prefix_].received) ++prefix_;
  return std::min(prefix_ * block_bytes, size_);
}

}  // namespace ezio
