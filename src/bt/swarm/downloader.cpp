#include "bt/swarm/downloader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace ezio {
namespace {

constexpr double slow_rate = 64 * KiB;  // bytes a second
constexpr std::uint32_t hash_step_bytes =
    256 * KiB;  // what a piece hashed alone waits for, or a segment's end

bool overlap(const BlockSpan& a, const BlockSpan& b) {
  return a.piece == b.piece && a.begin < b.begin + b.length && b.begin < a.begin + a.length;
}

}  // namespace

Downloader::Downloader(SwarmContext& context, const std::vector<Sha1Digest>& piece_hashes, Limits limits,
                       std::uint64_t random_seed)
    : context_(context),
      piece_hashes_(piece_hashes),
      limits_(limits),
      picker_(context.geometry.piece_count(), random_seed) {
  if (context_.have.all()) return;
  assert(limits_.buffers >= context_.geometry.segment_count(PieceIndex{0}));
}

Downloader::~Downloader() {
  stop();
  for (const auto& [segment, buffer] : writing_) context_.pool.unpin(buffer);
}

void Downloader::stop() {
  for (const auto& download : active_) {
    for (BufferId buffer : download->buffers()) context_.pool.release(buffer);
  }
  active_.clear();
  buffers_held_ = 0;
}

void Downloader::peer_has(Peer& peer, Bitfield pieces) {
  if (peer.told_pieces) picker_.remove(peer.pieces);
  peer.told_pieces = true;
  peer.pieces = std::move(pieces);
  picker_.add(peer.pieces);
  peer.missing = picker_.count_missing(peer.pieces);
}

void Downloader::peer_has(Peer& peer, PieceIndex piece) {
  if (!peer.pieces.set(piece)) return;
  peer.told_pieces = true;
  picker_.add(piece, peer.pieces);
  if (picker_.is_missing(piece)) ++peer.missing;
}

void Downloader::peer_gone(Peer& peer) {
  if (peer.receiving && peer.receiving_wanted) {
    if (PieceDownload* download = find(peer.receiving->span.piece)) {
      download->arrival_ended(peer.receiving->span);
    }
  }
  if (peer.receiving) wasted_bytes_ += peer.receiving_bytes;
  if (peer.receiving && !peer.receiving->released) release(peer, *peer.receiving);
  release_all(peer);
  peer.receiving.reset();
  peer.requests.clear();
  end_exclusive(peer);
  if (peer.told_pieces) picker_.remove(peer.pieces);
}

void Downloader::end_exclusive(const Peer& peer) {
  for (auto& download : active_) {
    if (download->exclusive == peer.handle) download->exclusive.reset();
  }
}

bool Downloader::interesting(const Peer& peer) const {
  if (peer.missing > 0) return true;
  return std::any_of(active_.begin(), active_.end(),
                     [&](const auto& download) { return peer.pieces.test(download->piece()); });
}

void Downloader::on_choke(Peer& peer) {
  // BEP 6: a choke rejects nothing by itself. Without it (BEP 3) every request is dropped.
  if (!peer.fast) {
    release_all(peer);
    peer.snubbed = false;
  }
  end_exclusive(peer);
}

void Downloader::on_reject(Peer& peer, const BlockSpan& span) {
  auto request = std::find_if(peer.requests.begin(), peer.requests.end(),
                              [&](const OutstandingRequest& r) { return r.span == span; });
  if (request == peer.requests.end()) return;
  const bool cancelled = request->released;
  if (!cancelled) release(peer, *request);
  peer.requests.erase(request);
  if (peer.requests.empty()) peer.snubbed = false;
  if (cancelled || peer.choking_us) return;
  // Its queue is shorter than we thought; asking again waits for the next tick, so that a peer that rejects
  // everything costs little.
  peer.request_queue = std::max(1u, peer.open_requests);
  end_exclusive(peer);
}

void Downloader::on_block_header(Peer& peer, const BlockSpan& span) {
  auto request = std::find_if(peer.requests.begin(), peer.requests.end(),
                              [&](const OutstandingRequest& r) { return r.span == span; });
  if (request == peer.requests.end()) {
    context_.doom(peer, fmt::format("sent piece {} begin {} length {}, which was not requested",
                                    span.piece.value(), span.begin, span.length));
    return;
  }
  peer.last_payload = context_.now;
  peer.receiving = *request;
  peer.receiving_bytes = 0;
  peer.receiving_since = context_.now;
  peer.requests.erase(request);
  ReceivePayload receive{peer.handle, span, std::nullopt, 0};
  PieceDownload* download = find(span.piece);
  peer.receiving_wanted = download != nullptr && download->wants(span) &&
                          (!download->exclusive || download->exclusive == peer.handle);
  if (peer.receiving_wanted) {
    download->arriving(span);
    const SegmentRef segment = context_.geometry.segment_of(span);
    receive.buffer = download->buffer(segment.segment);
    receive.buffer_offset = span.begin - segment.segment * context_.geometry.segment_bytes();
  }
  context_.emit(receive);
}

void Downloader::on_block_progress(Peer& peer, std::uint32_t bytes) {
  assert(peer.receiving && peer.receiving_bytes + bytes < peer.receiving->span.length);
  peer.receiving_bytes += bytes;
  peer.last_payload = context_.now;
  peer.down.add(bytes);
  if (peer.receiving_wanted) progress_ += bytes;
}

void Downloader::on_block_received(Peer& peer, const BlockSpan& span) {
  assert(peer.receiving && peer.receiving->span == span);
  OutstandingRequest request = *peer.receiving;
  peer.receiving.reset();
  peer.last_payload = context_.now;
  peer.snubbed = false;
  const double seconds = std::chrono::duration<double>(context_.now - peer.receiving_since).count();
  peer.slow = span.length < seconds * slow_rate;
  peer.down.add(span.length - peer.receiving_bytes);
  PieceDownload* download = find(span.piece);
  if (peer.receiving_wanted) download->received(span, peer.handle);
  if (!request.released) release(peer, request);
  if (!peer.receiving_wanted) {
    wasted_bytes_ += span.length;
    return;
  }
  progress_ += span.length - peer.receiving_bytes;
  if (download->requested(span)) cancel_elsewhere(peer, span);
  follow_hash(*download);
}

void Downloader::cancel_elsewhere(const Peer& receiver, const BlockSpan& span) {
  // Only in the endgame, and after time-outs, is a block asked of more than one peer.
  for (auto& [handle, peer] : context_.peers) {
    if (handle == receiver.handle) continue;
    for (OutstandingRequest& request : peer.requests) {
      if (request.released || !overlap(request.span, span)) continue;
      wire::append_cancel(context_.out(peer), request.span);
      release(peer, request);
    }
  }
}

void Downloader::release(Peer& peer, OutstandingRequest& request) {
  assert(!request.released && peer.requested_bytes >= request.span.length);
  request.released = true;
  peer.requested_bytes -= request.span.length;
  --peer.open_requests;
  if (PieceDownload* download = find(request.span.piece)) download->give_back(request.span);
}

void Downloader::release_all(Peer& peer) {
  for (OutstandingRequest& request : peer.requests) {
    if (!request.released) release(peer, request);
  }
}

bool Downloader::on_hashed(PieceIndex piece, const Sha1Digest& digest) {
  --hashes_in_flight_;
  PieceDownload* download = find(piece);
  assert(download != nullptr && download->hashing);
  download->hashing = false;
  if (context_.over) return false;
  if (download->hashed < download->size()) {
    follow_hash(*download);
    return false;
  }
  if (digest == piece_hashes_[piece.value()]) {
    piece_verified(*download);
    return true;
  }
  piece_failed(*download);
  return false;
}

// Pieces wait for each other, so that the hash gets many streams at once; not for long: each of the fast ones
// has a segment more in a moment, and one that is two segments ahead or complete waits for nobody.
void Downloader::follow_hash(PieceDownload& download) {
  if (download.hashing || !hash_can_go_on(download)) return;
  download.awaits_hash = true;
  const auto waiting = static_cast<std::size_t>(
      std::count_if(active_.begin(), active_.end(), [](const auto& d) { return d->awaits_hash; }));
  const bool ahead = download.received_prefix() - download.hashed >= 2 * context_.geometry.segment_bytes();
  if (download.complete() || ahead || waiting >= hash_batch()) hash_waiting_pieces();
}

std::size_t Downloader::hash_batch() const {
  return std::clamp<std::size_t>(active_.size() * 3 / 4, 1, limits_.hash_streams);
}

bool Downloader::hash_can_go_on(const PieceDownload& download) const {
  const std::uint32_t segment_bytes = context_.geometry.segment_bytes();
  const std::uint32_t prefix = download.received_prefix();
  const std::uint32_t segment_end = (download.hashed / segment_bytes + 1) * segment_bytes;
  if (prefix >= segment_end || prefix == download.size()) return true;
  return hash_batch() == 1 && prefix - download.hashed >= hash_step_bytes;
}

void Downloader::hash_waiting_pieces() {
  const std::uint32_t segment_bytes = context_.geometry.segment_bytes();
  for (const auto& download : active_) {
    if (!download->awaits_hash) continue;
    const std::uint32_t segment = download->hashed / segment_bytes;
    const std::uint32_t end = std::min(download->received_prefix(), (segment + 1) * segment_bytes);
    context_.emit(HashSegment{download->piece(), download->buffer(segment),
                              download->hashed - segment * segment_bytes, end - download->hashed,
                              download->hashed == 0, end == download->size()});
    download->hashed = end;
    download->awaits_hash = false;
    download->hashing = true;
    ++hashes_in_flight_;
  }
}

void Downloader::piece_verified(PieceDownload& download) {
  const PieceIndex piece = download.piece();
  for (PeerHandle handle : download.contributors()) {
    // Alone responsible for a good piece: cleared. A peer with a bad one in a mixed crowd stays a suspect.
    auto peer = context_.peers.find(handle);
    if (peer != context_.peers.end() && download.exclusive == handle) peer->second.suspect = false;
  }
  context_.have.set(piece);
  for (std::uint32_t i = 0; i < download.buffers().size(); ++i) {
    const SegmentRef segment{piece, i};
    context_.pool.cache(download.buffer(i), context_.key(segment));
    writing_.emplace(segment, download.buffer(i));
    context_.emit(WriteSegment{segment, download.buffer(i)});
    ++writes_in_flight_;
  }
  forget(piece);
}

void Downloader::piece_failed(PieceDownload& download) {
  const std::vector<PeerHandle> contributors = download.contributors();
  wasted_bytes_ += download.size();
  for (PeerHandle handle : contributors) {
    auto found = context_.peers.find(handle);
    if (found == context_.peers.end()) continue;
    if (contributors.size() == 1) {
      context_.ban(found->second, fmt::format("sent piece {} with a wrong hash", download.piece().value()));
    } else {
      found->second.suspect = true;
    }
  }
  download.exclusive.reset();
  download.reset();
}

void Downloader::forget(PieceIndex piece) {
  auto found = std::find_if(active_.begin(), active_.end(),
                            [&](const auto& download) { return download->piece() == piece; });
  buffers_held_ -= static_cast<std::uint32_t>((*found)->buffers().size());
  active_.erase(found);
}

void Downloader::on_written(SegmentRef segment, const std::string& error) {
  --writes_in_flight_;
  auto buffer = writing_.find(segment);
  assert(buffer != writing_.end());
  if (somebody_lacks(segment.piece)) {
    context_.pool.unpin(buffer->second);
  } else {
    context_.pool.unpin_and_drop(buffer->second);
  }
  writing_.erase(buffer);
  progress_ += context_.geometry.segment_size(segment);
  if (!error.empty()) context_.fail(fmt::format("write failed: {}", error));
}

bool Downloader::somebody_lacks(PieceIndex piece) const {
  return std::any_of(context_.peers.begin(), context_.peers.end(),
                     [&](const auto& entry) { return !entry.second.pieces.test(piece); });
}

PieceDownload* Downloader::find(PieceIndex piece) {
  for (auto& download : active_) {
    if (download->piece() == piece) return download.get();
  }
  return nullptr;
}

}  // namespace ezio
