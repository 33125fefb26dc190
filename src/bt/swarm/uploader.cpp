#include "bt/swarm/uploader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t max_sending_bytes = 2 * MiB;  // handed to a socket and not yet taken
constexpr std::uint32_t max_read_ahead = 8;           // segments a peer, where the pool allows
constexpr Duration take_timeout = 60s;                // a socket that takes nothing for so long is dead

}  // namespace

Uploader::~Uploader() {
  for (const auto& [segment, buffer] : reading_) context_.pool.release(buffer);
}

void Uploader::on_request(Peer& peer, const BlockSpan& span) {
  if (!context_.geometry.contains(span)) {
    context_.doom(peer, fmt::format("requested piece {} begin {} length {}, which does not exist",
                                    span.piece.value(), span.begin, span.length));
    return;
  }
  const bool servable = span.length <= largest_request && context_.geometry.fits_segment(span) &&
                        context_.have.test(span.piece);
  if (peer.we_are_choking || !servable || peer.uploads.size() >= request_queue) {
    refuse(peer, span);
    return;
  }
  if (peer.uploads.empty() && peer.sending.empty()) peer.last_upload = context_.now;
  peer.uploads.push_back(span);
  pump(peer);
}

void Uploader::refuse(Peer& peer, const BlockSpan& span) {
  if (peer.fast) wire::append_reject(context_.out(peer), span);
}

void Uploader::on_cancel(Peer& peer, const BlockSpan& span) {
  auto found = std::find(peer.uploads.begin(), peer.uploads.end(), span);
  if (found == peer.uploads.end()) return;  // on its way already, or never asked for
  peer.uploads.erase(found);
  refuse(peer, span);  // BEP 6: every request is answered
}

void Uploader::choke(Peer& peer) {
  if (peer.we_are_choking) return;
  peer.we_are_choking = true;
  wire::append_choke(context_.out(peer));
  for (const BlockSpan& span : peer.uploads) refuse(peer, span);
  peer.uploads.clear();
}

void Uploader::unchoke(Peer& peer) {
  if (!peer.we_are_choking) return;
  peer.we_are_choking = false;
  peer.unchoked_at = context_.now;
  wire::append_unchoke(context_.out(peer));
}

void Uploader::on_sent(Peer& peer, const BlockSpan& span) {
  assert(!peer.sending.empty() && peer.sending.front().span == span);
  context_.pool.unpin(peer.sending.front().buffer);
  peer.sending.pop_front();
  peer.sending_bytes -= span.length;
  peer.up.add(span.length);
  peer.last_upload = context_.now;
  pump(peer);
}

void Uploader::peer_gone(Peer& peer) {
  for (const SendingBlock& block : peer.sending) context_.pool.unpin(block.buffer);
  peer.sending.clear();
  peer.uploads.clear();
}

void Uploader::pump(Peer& peer) {
  while (!peer.uploads.empty() && peer.sending_bytes < max_sending_bytes) {
    if (!send_front(peer)) break;
  }
  if (!peer.uploads.empty()) read_ahead(peer);
}

bool Uploader::send_front(Peer& peer) {
  const BlockSpan span = peer.uploads.front();
  const SegmentRef segment = context_.geometry.segment_of(span);
  const std::optional<BufferId> buffer = context_.pool.find_and_pin(context_.key(segment));
  if (!buffer) return false;
  peer.uploads.pop_front();
  peer.sending.push_back({span, *buffer});
  peer.sending_bytes += span.length;
  context_.emit(SendBlock{peer.handle, span, *buffer,
                          span.begin - segment.segment * context_.geometry.segment_bytes()});
  return true;
}

void Uploader::read_ahead(const Peer& peer) {
  const auto peers = static_cast<std::uint32_t>(
      std::count_if(context_.peers.begin(), context_.peers.end(),
                    [](const auto& entry) { return !entry.second.uploads.empty(); }));
  const std::uint32_t ahead = std::clamp(context_.pool.capacity() / (2 * peers), 1u, max_read_ahead);
  std::optional<SegmentRef> previous;
  std::uint32_t segments = 0;
  for (const BlockSpan& span : peer.uploads) {
    const SegmentRef segment = context_.geometry.segment_of(span);
    if (segment == previous) continue;
    if (segments++ == ahead) return;
    previous = segment;
    if (!start_read(segment)) return;
  }
}

bool Uploader::start_read(SegmentRef segment) {
  if (context_.pool.is_cached(context_.key(segment)) || reading_.contains(segment)) return true;
  const std::optional<BufferId> buffer = context_.pool.acquire();
  if (!buffer) return false;
  reading_.emplace(segment, *buffer);
  context_.emit(ReadSegment{segment, *buffer});
  return true;
}

void Uploader::on_read(SegmentRef segment, const std::string& error) {
  auto found = reading_.find(segment);
  assert(found != reading_.end());
  const BufferId buffer = found->second;
  reading_.erase(found);
  if (!error.empty()) {
    context_.pool.release(buffer);
    context_.fail(fmt::format("read failed: {}", error));
    return;
  }
  context_.pool.cache(buffer, context_.key(segment));
  pump_all();
  context_.pool.unpin(buffer);
}

void Uploader::pump_all() {
  for (auto& [handle, peer] : context_.peers) {
    if (!peer.uploads.empty()) pump(peer);
  }
}

void Uploader::tick(Duration elapsed) {
  for (auto& [handle, peer] : context_.peers) {
    peer.up.tick(elapsed);
    if (!peer.sending.empty() && context_.now - peer.last_upload > take_timeout) {
      context_.doom(peer, "takes no data");
    }
  }
}

}  // namespace ezio
