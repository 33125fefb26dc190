#include "bt/swarm/piece_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace ezio {
namespace {

// What is handed to the hash at once, unless a segment or the piece ends: large enough that a submission does
// not show, small enough that the last one does not keep the piece waiting.
constexpr std::uint32_t hash_step_bytes = 256 * KiB;

}  // namespace

PieceStore::PieceStore(SwarmContext& context, const std::vector<Sha1Digest>& piece_hashes,
                       std::uint32_t buffers)
    : context_(context),
      piece_hashes_(piece_hashes),
      share_(buffers),
      frameless_(context.geometry.piece_count() * context.geometry.segment_count(PieceIndex{0})) {
  if (context_.have.all()) return;
  assert(share_ >= context_.geometry.segment_count(PieceIndex{0}));
}

PieceStore::~PieceStore() {
  stop();
  for (const auto& [segment, writing] : writing_) context_.pool.unpin(writing.buffer);
  for (const auto& [segment, reading] : reading_) context_.pool.release(reading.buffer);
  for (const auto& [segment, packing] : packing_) {
    context_.pool.release(packing.plain);
    context_.pool.release(packing.frame);
  }
  for (const GivenUp& given_up : given_up_) let_go(given_up);
}

void PieceStore::stop() {
  for (const auto& download : filling_) {
    release_frames(*download);
    for (BufferId buffer : download->buffers()) context_.pool.release(buffer);
  }
  filling_.clear();
  buffers_held_ = 0;
}

PieceDownload* PieceStore::find(PieceIndex piece) const {
  for (const auto& download : filling_) {
    if (download->piece() == piece) return download.get();
  }
  return nullptr;
}

bool PieceStore::has_room(PieceIndex piece) const {
  return buffers_held_ + writing_.size() + given_up_.size() + context_.geometry.segment_count(piece) <=
         share_;
}

PieceDownload* PieceStore::start(PieceIndex piece) {
  assert(!context_.have.test(piece) && find(piece) == nullptr);
  if (!has_room(piece)) return nullptr;
  const std::uint32_t count = context_.geometry.segment_count(piece);
  if (context_.pool.available() < count) {
    context_.pool.note_starved();
    return nullptr;
  }
  std::vector<BufferId> buffers;
  buffers.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) buffers.push_back(*context_.pool.acquire());
  buffers_held_ += count;
  filling_.push_back(std::make_unique<PieceDownload>(context_.geometry, piece, std::move(buffers)));
  return filling_.back().get();
}

void PieceStore::drop(PieceIndex piece) {
  release_frames(*find(piece));
  for (BufferId buffer : find(piece)->buffers()) context_.pool.release(buffer);
  forget(piece);
}

void PieceStore::forget(PieceIndex piece) {
  auto found = std::find_if(filling_.begin(), filling_.end(),
                            [&](const auto& download) { return download->piece() == piece; });
  buffers_held_ -= static_cast<std::uint32_t>((*found)->buffers().size());
  filling_.erase(found);
}

// ---------------------------------------------------------------- frames

bool PieceStore::take_frame(PieceDownload& download, std::uint32_t segment, SegmentFrame frame) {
  if (buffers_held_ + writing_.size() + given_up_.size() + 1 > share_) return false;
  if (context_.pool.available() == 0) return false;
  download.set_frame(segment, frame, *context_.pool.acquire());
  ++buffers_held_;
  return true;
}

void PieceStore::drop_frame(PieceDownload& download, std::uint32_t segment) {
  release_frame(download, segment);
  download.drop_frame(segment);
}

void PieceStore::release_frame(const PieceDownload& download, std::uint32_t segment) {
  context_.pool.release(download.frame_buffer(segment));
  --buffers_held_;
}

// With the piece; its blocks stay as they are.
void PieceStore::release_frames(const PieceDownload& download) {
  for (std::uint32_t i = 0; i < download.segment_count(); ++i) {
    if (download.frame(i)) release_frame(download, i);
  }
}

void PieceStore::unpack_what_is_whole(PieceDownload& download) {
  for (std::uint32_t i = 0; i < download.segment_count(); ++i) {
    if (!download.is_packed(i)) continue;
    download.unpacking(i);
    ++unpacks_in_flight_;
    context_.emit(UnpackFrame{
        {download.piece(), i}, download.frame_buffer(i), download.frame(i).bytes, download.buffer(i)});
  }
}

void PieceStore::on_unpacked(SegmentRef segment, bool good) {
  --unpacks_in_flight_;
  PieceDownload* download = find(segment.piece);
  assert(download != nullptr);
  download->unpacked(segment.segment, good);
  unpacked_.framed += download->frame(segment.segment).bytes;
  unpacked_.plain += context_.geometry.segment_size(segment);
  if (!context_.over && !download->hashing) follow_hash(*download);
}

void PieceStore::cache_frame(BufferId buffer, SegmentRef segment, SegmentFrame frame) {
  context_.pool.cache(buffer, context_.frame_key(segment), frame);
  context_.pool.unpin(buffer);
}

SegmentFrame PieceStore::frame_of(SegmentRef segment) const {
  if (context_.have.test(segment.piece)) return context_.pool.frame(context_.frame_key(segment));
  const PieceDownload* download = find(segment.piece);
  return download == nullptr ? SegmentFrame{} : download->frame(segment.segment);
}

std::uint32_t PieceStore::index(SegmentRef segment) const {
  return segment.piece.value() * context_.geometry.segment_count(PieceIndex{0}) + segment.segment;
}

bool PieceStore::pack(SegmentRef segment) {
  assert(context_.have.test(segment.piece) && !is_packing(segment));
  if (has_no_frame(segment) || context_.targets.empty() || context_.pool.available() < 2) return false;
  const Packing packing{*context_.pool.acquire(), *context_.pool.acquire()};
  packing_.emplace(segment, packing);
  context_.emit(ReadFrame{segment, packing.plain, packing.frame});
  return true;
}

void PieceStore::on_frame_read(SegmentRef segment, SegmentFrame frame, const std::string& error) {
  const auto found = packing_.find(segment);
  assert(found != packing_.end());
  const Packing packing = found->second;
  packing_.erase(found);
  context_.pool.release(packing.plain);
  if (!error.empty()) {
    context_.lose(TargetIndex{0}, fmt::format("read failed: {}", error));
  } else if (!frame) {
    frameless_[index(segment)] = true;
  } else if (!context_.pool.is_cached(context_.frame_key(segment))) {
    return cache_frame(packing.frame, segment, frame);
  }
  context_.pool.release(packing.frame);
}

// ---------------------------------------------------------------- hash and disk

void PieceStore::received(PieceDownload& download) {
  unpack_what_is_whole(download);
  if (!download.hashing) follow_hash(download);
}

void PieceStore::follow_hash(PieceDownload& download) {
  const std::uint32_t segment_bytes = context_.geometry.segment_bytes();
  const std::uint32_t segment = download.hashed / segment_bytes;
  const std::uint32_t prefix = download.received_prefix();
  const std::uint32_t end = std::min(prefix, (segment + 1) * segment_bytes);
  const bool whole = end == (segment + 1) * segment_bytes || end == download.size();
  if (end == download.hashed || (!whole && end - download.hashed < hash_step_bytes)) return;
  context_.emit(HashSegment{download.piece(), download.buffer(segment),
                            download.hashed - segment * segment_bytes, end - download.hashed,
                            download.hashed == 0, end == download.size()});
  download.hashed = end;
  download.hashing = true;
  ++hashes_in_flight_;
}

PieceStore::Verdict PieceStore::on_hashed(PieceIndex piece, const Sha1Digest& digest) {
  --hashes_in_flight_;
  PieceDownload* download = find(piece);
  assert(download != nullptr && download->hashing);
  download->hashing = false;
  if (context_.over) return Verdict::pending;
  if (download->hashed < download->size()) {
    follow_hash(*download);
    return Verdict::pending;
  }
  return digest == piece_hashes_[piece.value()] ? Verdict::right : Verdict::wrong;
}

void PieceStore::verified(PieceIndex piece) {
  PieceDownload& download = *find(piece);
  context_.have.set(piece);
  for (std::uint32_t i = 0; i < download.buffers().size(); ++i) {
    const SegmentRef segment{piece, i};
    if (download.frame_is_good(i)) {
      context_.pool.forget(context_.frame_key(segment));  // of the piece as we had it before we lost it
      cache_frame(download.frame_buffer(i), segment, download.frame(i));
      --buffers_held_;
    } else if (download.frame(i)) {
      release_frame(download, i);
    }
    context_.pool.cache(download.buffer(i), context_.key(segment));
    writing_.emplace(segment, Writing{download.buffer(i), context_.targets});
    for (TargetIndex target : context_.targets) {
      context_.emit(WriteSegment{segment, download.buffer(i), target});
      ++writes_in_flight_;
    }
  }
  forget(piece);
}

void PieceStore::on_written(SegmentRef segment, TargetIndex target, const std::string& error, bool keep) {
  --writes_in_flight_;
  if (answered_late(segment, target)) return;
  if (!error.empty()) context_.lose(target, fmt::format("write failed: {}", error));
  auto writing = writing_.find(segment);
  assert(writing != writing_.end() && writing->second.awaited.contains(target));
  writing->second.awaited.erase(target);
  settle_write(writing, keep);
}

// Written when all targets that have not failed have answered.
PieceStore::WritingRef PieceStore::settle_write(WritingRef writing, bool keep) {
  const auto& [buffer, awaited] = writing->second;
  if (!(awaited & context_.targets).empty()) return std::next(writing);
  if (!awaited.empty()) {
    given_up_.push_back({writing->first, buffer, awaited, true});
  } else if (keep) {
    context_.pool.unpin(buffer);
  } else {
    context_.pool.unpin_and_drop(buffer);
  }
  return writing_.erase(writing);
}

bool PieceStore::answered_late(SegmentRef segment, TargetIndex target) {
  const auto found = std::find_if(given_up_.begin(), given_up_.end(), [&](const GivenUp& given_up) {
    return given_up.segment == segment && given_up.awaited.contains(target);
  });
  if (found == given_up_.end()) return false;
  found->awaited.erase(target);
  if (!found->awaited.empty()) return true;
  let_go(*found);
  given_up_.erase(found);
  return true;
}

void PieceStore::let_go(const GivenUp& given_up) {
  given_up.written ? context_.pool.unpin(given_up.buffer) : context_.pool.release(given_up.buffer);
}

std::uint32_t PieceStore::io_in_flight() const {
  const auto reads_given_up = std::count_if(given_up_.begin(), given_up_.end(),
                                            [](const GivenUp& given_up) { return !given_up.written; });
  return writes_in_flight_ + hashes_in_flight_ + unpacks_in_flight_ +
         static_cast<std::uint32_t>(reading_.size() + packing_.size() +
                                    static_cast<std::size_t>(reads_given_up));
}

void PieceStore::target_lost(TargetIndex target) {
  for (auto writing = writing_.begin(); writing != writing_.end();) writing = settle_write(writing, true);
  std::erase_if(reading_, [&](const auto& entry) {
    const auto& [segment, reading] = entry;
    if (reading.target != target) return false;
    given_up_.push_back({segment, reading.buffer, TargetSet::only(target), false});
    return true;
  });
}

bool PieceStore::all_written() const {
  return context_.have.all() && writing_.empty();
}

bool PieceStore::is_writing(PieceIndex piece) const {
  const auto first = writing_.lower_bound({piece, 0});
  return first != writing_.end() && first->first.piece == piece;
}

void PieceStore::lose(PieceIndex piece) {
  context_.have.reset(piece);
  for (SegmentRef segment{piece, 0}; context_.geometry.contains(segment); ++segment.segment) {
    assert(!writing_.contains(segment));
    context_.pool.forget(context_.key(segment));
    context_.pool.forget(context_.frame_key(segment));
  }
}

// ---------------------------------------------------------------- sending

std::optional<BufferId> PieceStore::pin(const BlockSpan& span) {
  const SegmentRef segment = context_.geometry.segment_of(span);
  if (context_.have.test(span.piece)) {
    const SegmentPool::Key key = span.frame != 0 ? context_.frame_key(segment) : context_.key(segment);
    if (context_.pool.frame(key).id != span.frame) return std::nullopt;
    return context_.pool.find_and_pin(key);
  }
  const PieceDownload* download = find(span.piece);
  if (download == nullptr || !download->holds(span)) return std::nullopt;
  const BufferId buffer = download->buffer_of(span);
  context_.pool.pin(buffer);
  return buffer;
}

bool PieceStore::read(SegmentRef segment) {
  if (context_.pool.is_cached(context_.key(segment)) || reading_.contains(segment)) return true;
  if (context_.targets.empty()) return false;
  const std::optional<BufferId> buffer = context_.pool.acquire();
  if (!buffer) return false;
  const TargetIndex target = context_.targets.front();
  reading_.emplace(segment, Reading{*buffer, target});
  context_.emit(ReadSegment{segment, *buffer, target});
  return true;
}

std::optional<BufferId> PieceStore::finish_read(SegmentRef segment, TargetIndex target,
                                                const std::string& error) {
  if (answered_late(segment, target)) return std::nullopt;
  auto found = reading_.find(segment);
  assert(found != reading_.end() && found->second.target == target);
  const BufferId buffer = found->second.buffer;
  reading_.erase(found);
  if (!error.empty()) {
    context_.pool.release(buffer);
    context_.lose(target, fmt::format("read failed: {}", error));
    return std::nullopt;
  }
  // Lost meanwhile, and perhaps fetched anew: what was read is not to be trusted.
  if (!context_.have.test(segment.piece) || context_.pool.is_cached(context_.key(segment))) {
    context_.pool.release(buffer);
    return std::nullopt;
  }
  context_.pool.cache(buffer, context_.key(segment));
  return buffer;
}

}  // namespace ezio
