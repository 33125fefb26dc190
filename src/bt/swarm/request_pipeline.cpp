#include "bt/swarm/request_pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace ezio {
namespace {

constexpr double slow_rate = 64 * KiB;  // bytes a second

bool overlap(const BlockSpan& a, const BlockSpan& b) {
  return a.piece == b.piece && a.begin < b.begin + b.length && b.begin < a.begin + a.length;
}

}  // namespace

RequestPipeline::RequestPipeline(SwarmContext& context, PieceStore& store, Blame& blame,
                                 std::uint32_t largest_request)
    : context_(context), store_(store), blame_(blame), largest_request_(largest_request) {}

bool RequestPipeline::interesting(const Peer& peer) const {
  if (peer.pieces.missing > 0) return true;
  return std::any_of(store_.filling().begin(), store_.filling().end(),
                     [&](const auto& download) { return peer.pieces.have.test(download->piece()); });
}

void RequestPipeline::peer_gone(Peer& peer) {
  PeerRequests& asked = peer.requests;
  if (asked.receiving && asked.receiving_wanted) {
    if (PieceDownload* download = store_.find(asked.receiving->span.piece)) {
      download->arrival_ended(asked.receiving->span);
    }
  }
  if (asked.receiving) received_.wasted += asked.receiving_bytes;
  if (asked.receiving && !asked.receiving->released) release(peer, *asked.receiving);
  release_all(peer);
  asked.receiving.reset();
  asked.queue.clear();
  let_go(peer);
}

// It is no longer the one to send what it was to send alone.
void RequestPipeline::let_go(const Peer& peer) {
  for (const auto& download : store_.filling()) {
    download->let_go(peer.handle);
  }
}

void RequestPipeline::on_choke(Peer& peer) {
  // BEP 6: a choke rejects nothing by itself. Without it (BEP 3) every request is dropped.
  if (!peer.fast) {
    release_all(peer);
    peer.requests.snubbed = false;
  }
  let_go(peer);
}

void RequestPipeline::on_reject(Peer& peer, const BlockSpan& span) {
  PeerRequests& asked = peer.requests;
  auto request = std::find_if(asked.queue.begin(), asked.queue.end(),
                              [&](const OutstandingRequest& r) { return r.span == span; });
  if (request == asked.queue.end()) return;
  const bool cancelled = request->released;
  if (!cancelled) release(peer, *request);
  asked.queue.erase(request);
  if (asked.queue.empty()) asked.snubbed = false;
  if (cancelled || peer.choking_us) return;
  PieceDownload* download = store_.find(span.piece);
  const std::uint32_t segment = context_.geometry.segment_of(span).segment;
  if (download != nullptr && download->source(segment) == peer.handle) {
    download->let_go(peer.handle);  // it has lost the piece that it offered
    return;
  }
  if (span.frame != 0) {  // asked to help with a frame, which it may have or not
    if (download != nullptr) download->add_frameless(segment, peer.handle);
    return;
  }
  // Its queue is shorter than we thought; asking again waits for the next tick, so that a peer that rejects
  // everything costs little.
  peer.request_queue = std::max(1u, asked.open);
  let_go(peer);
}

// ---------------------------------------------------------------- blocks

void RequestPipeline::on_block_header(Peer& peer, const BlockSpan& span) {
  PeerRequests& asked = peer.requests;
  auto request = std::find_if(asked.queue.begin(), asked.queue.end(),
                              [&](const OutstandingRequest& r) { return r.span == span; });
  if (request == asked.queue.end()) {
    context_.doom(peer, fmt::format("sent piece {} begin {} length {}, which was not requested",
                                    span.piece.value(), span.begin, span.length));
    return;
  }
  asked.last_payload = context_.now;
  asked.answered_sent = std::max(asked.answered_sent, request->sent);
  asked.receiving = *request;
  asked.receiving_bytes = 0;
  asked.receiving_since = context_.now;
  asked.queue.erase(request);
  ReceivePayload receive{peer.handle, span, std::nullopt, 0};
  PieceDownload* download = store_.find(span.piece);
  asked.receiving_wanted = download != nullptr && download->wants(span) &&
                           (!download->exclusive || download->exclusive == peer.handle);
  if (asked.receiving_wanted) {
    download->arriving(span);
    const SegmentRef segment = context_.geometry.segment_of(span);
    receive.buffer = download->buffer_of(span);
    receive.buffer_offset = span.begin - segment.segment * context_.geometry.segment_bytes();
  }
  context_.emit(receive);
}

void RequestPipeline::on_block_progress(Peer& peer, std::uint32_t bytes) {
  PeerRequests& asked = peer.requests;
  assert(asked.receiving && asked.receiving_bytes + bytes < asked.receiving->span.length);
  asked.receiving_bytes += bytes;
  asked.last_payload = context_.now;
  asked.rate.add(bytes);
  if (asked.receiving_wanted) arrived_ += bytes;
}

PieceDownload* RequestPipeline::on_block_received(Peer& peer, const BlockSpan& span) {
  PeerRequests& asked = peer.requests;
  assert(asked.receiving && asked.receiving->span == span);
  OutstandingRequest request = *asked.receiving;
  asked.receiving.reset();
  asked.last_payload = context_.now;
  asked.snubbed = false;
  const double seconds = std::chrono::duration<double>(context_.now - asked.receiving_since).count();
  asked.slow = span.length < seconds * slow_rate;
  asked.rate.add(span.length - asked.receiving_bytes);
  PieceDownload* download = store_.find(span.piece);
  if (asked.receiving_wanted) {
    // A relay may have become able to vouch meanwhile; it cannot have ceased to.
    download->received(span, peer.handle, peer.pieces.have.test(span.piece));
  }
  if (!request.released) release(peer, request);
  if (!asked.receiving_wanted) {
    received_.wasted += span.length;
    received_.duplicate += span.length;
    return nullptr;
  }
  arrived_ += span.length - asked.receiving_bytes;
  progress_ += span.length;
  (peer.pieces.have.all() ? received_.from_seeds : received_.from_leechers) += span.length;
  if (download->requested(span)) cancel_elsewhere(peer, span);
  const SegmentRef segment = context_.geometry.segment_of(span);
  if (download->complete(segment.segment) && download->segment_count() > 1) {
    context_.notify_ours(wire::SegmentNotice::What::received, segment);
  }
  return download;
}

void RequestPipeline::cancel_elsewhere(const Peer& receiver, const BlockSpan& span) {
  // Only in the endgame, and after time-outs, is a block asked of more than one peer.
  for (auto& [handle, peer] : context_.peers) {
    if (handle == receiver.handle) continue;
    for (OutstandingRequest& request : peer.requests.queue) {
      if (request.released || !overlap(request.span, span)) continue;
      wire::append_cancel(context_.out(peer), request.span, peer.frame_id);
      release(peer, request);
    }
  }
}

void RequestPipeline::release(Peer& peer, OutstandingRequest& request) {
  assert(!request.released && peer.requests.bytes >= request.span.length);
  request.released = true;
  peer.requests.bytes -= request.span.length;
  --peer.requests.open;
  if (PieceDownload* download = store_.find(request.span.piece)) download->give_back(request.span);
}

void RequestPipeline::release_all(Peer& peer) {
  for (OutstandingRequest& request : peer.requests.queue) {
    if (!request.released) release(peer, request);
  }
}

void RequestPipeline::give_up(PieceIndex piece) {
  for (auto& [handle, peer] : context_.peers) {
    for (OutstandingRequest& request : peer.requests.queue) {
      if (request.released || request.span.piece != piece) continue;
      wire::append_cancel(context_.out(peer), request.span, peer.frame_id);
      release(peer, request);
    }
    std::optional<OutstandingRequest>& receiving = peer.requests.receiving;
    if (receiving && !receiving->released && receiving->span.piece == piece) release(peer, *receiving);
  }
  const PieceDownload& download = *store_.find(piece);
  for (std::uint32_t i = 0; i < download.segment_count(); ++i) {
    if (download.begun(i)) context_.census.put_back({piece, i});
  }
  store_.drop(piece);
  context_.notify_ours(wire::SegmentNotice::What::dropped, {piece, 0});
}

}  // namespace ezio
