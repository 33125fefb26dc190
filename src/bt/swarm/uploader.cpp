#include "bt/swarm/uploader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace ezio {
namespace {

using namespace std::chrono_literals;

// Handed to a socket and not yet taken: what a few turns of the event loop need, no more, since whatever is
// said to the peer waits behind it.
constexpr double sending_seconds = 0.02;
constexpr double least_sending_bytes = 64 * KiB;
constexpr double most_sending_bytes_ever = 2 * MiB;
constexpr std::size_t most_sending_blocks = 256;  // however small
constexpr std::uint32_t max_read_ahead = 8;       // segments a peer, where the pool allows
constexpr Duration take_timeout = 60s;            // a socket that takes nothing for so long is dead
constexpr double least_capacity = 1 * MiB;        // bytes a second; assumed where nothing is known
// Of one receiver's share, for a stranger: a seed's uplink brings the room its news, which our own pass on to
// all, as strangers may not.
constexpr double seeds_part = 0.25;
constexpr double credit_seconds = 0.5;  // of its share that a foreign peer may save up

}  // namespace

Uploader::~Uploader() {
  for (auto& [handle, peer] : context_.peers) peer_gone(peer);
}

void Uploader::on_request(Peer& peer, const BlockSpan& span) {
  if (!context_.geometry.contains(span)) {
    context_.doom(peer, fmt::format("requested piece {} begin {} length {}, which does not exist",
                                    span.piece.value(), span.begin, span.length));
    return;
  }
  const bool servable =
      span.length <= largest_request && context_.geometry.fits_segment(span) && is_here(peer, span);
  if (peer.we_are_choking || !servable || peer.uploads.queue.size() >= request_queue) {
    refuse(peer, span);
    return;
  }
  if (peer.uploads.queue.empty() && peer.uploads.sending.empty()) peer.uploads.last_taken = context_.now;
  peer.uploads.queue.push_back(span);
  pump(peer);
}

// Or soon will be.
bool Uploader::is_here(const Peer& peer, const BlockSpan& span) const {
  const SegmentRef segment = context_.geometry.segment_of(span);
  if (span.frame != 0) {
    const SegmentFrame frame = store_.frame_of(segment);
    const std::uint32_t begin = span.begin - segment.segment * context_.geometry.segment_bytes();
    return frame.id == span.frame && begin + span.length <= frame.bytes;
  }
  return context_.have.test(span.piece) || (peer.ours() && store_.serves(segment));
}

void Uploader::refuse(Peer& peer, const BlockSpan& span) {
  if (peer.fast) wire::append_reject(context_.out(peer), span, peer.frame_id);
}

void Uploader::on_cancel(Peer& peer, const BlockSpan& span) {
  auto found = std::find(peer.uploads.queue.begin(), peer.uploads.queue.end(), span);
  if (found == peer.uploads.queue.end()) return;  // on its way already, or never asked for
  peer.uploads.queue.erase(found);
  refuse(peer, span);  // BEP 6: every request is answered
}

void Uploader::choke(Peer& peer) {
  if (peer.we_are_choking) return;
  peer.we_are_choking = true;
  wire::append_choke(context_.out(peer));
  for (const BlockSpan& span : peer.uploads.queue) refuse(peer, span);
  peer.uploads.queue.clear();
}

void Uploader::unchoke(Peer& peer) {
  if (!peer.we_are_choking) return;
  peer.we_are_choking = false;
  peer.unchoked_at = context_.now;
  wire::append_unchoke(context_.out(peer));
}

void Uploader::on_sent(Peer& peer, const BlockSpan& span) {
  PeerUploads& uploads = peer.uploads;
  assert(!uploads.sending.empty() && uploads.sending.front().span == span);
  unpin(uploads.sending.front().buffer);
  uploads.sending.pop_front();
  uploads.sending_bytes -= span.length;
  uploads.rate.add(span.length);
  uploads.last_taken = context_.now;
  pump(peer);
}

void Uploader::peer_gone(Peer& peer) {
  for (const SendingBlock& block : peer.uploads.sending) unpin(block.buffer);
  peer.uploads.sending.clear();
  peer.uploads.queue.clear();
}

void Uploader::piece_gone(PieceIndex piece) {
  refuse_all([&](const BlockSpan& span) { return span.piece == piece; });
}

void Uploader::frame_gone(SegmentRef segment) {
  refuse_all([&](const BlockSpan& span) {
    return span.frame != 0 && context_.geometry.segment_of(span) == segment;
  });
}

template <class Is>
void Uploader::refuse_all(Is is) {
  for (auto& [handle, peer] : context_.peers) {
    std::erase_if(peer.uploads.queue, [&, &to = peer](const BlockSpan& span) {
      if (!is(span)) return false;
      refuse(to, span);
      return true;
    });
  }
}

// ---------------------------------------------------------------- sending

std::uint64_t Uploader::most_sending_bytes(const Peer& peer) const {
  const double wanted = peer.uploads.rate.per_second() * sending_seconds;
  return static_cast<std::uint64_t>(std::clamp(wanted, least_sending_bytes, most_sending_bytes_ever));
}

void Uploader::unpin(BufferId buffer) {
  --blocks_sending_;
  context_.pool.end_sending(buffer);
  store_.unpin(buffer);
}

// One more buffer: half of the pool at most is being sent, by all torrents together, and three quarters where
// a peer is being sent nothing else; a torrent that sends nothing may always send from one. Those who do not
// read cannot keep downloads from their buffers (most_buffers_ leaves a piece to each), nor others from what
// is being sent anyway.
bool Uploader::may_pin(const Peer& peer) const {
  const std::uint32_t sending = context_.pool.being_sent();
  if (sending >= most_buffers_) return false;
  return blocks_sending_ == 0 ||
         sending < context_.pool.capacity() * (peer.uploads.sending.empty() ? 3u : 2u) / 4;
}

bool Uploader::has_credit(const Peer& peer) const {
  return peer.ours() || !ours_lack_ || peer.uploads.credit_bytes > 0;
}

void Uploader::pump(Peer& peer) {
  while (!peer.uploads.queue.empty() && peer.uploads.sending_bytes < most_sending_bytes(peer) &&
         peer.uploads.sending.size() < most_sending_blocks && has_credit(peer)) {
    if (!send_next(peer)) break;
  }
  // What could not be sent would be evicted, and read again for ever.
  if (!peer.uploads.queue.empty() && may_pin(peer)) read_ahead(peer);
}

// The first block that is there: those of a piece that is still on its way to us do not hold up others.
bool Uploader::send_next(Peer& peer) {
  std::optional<PieceIndex> waits;
  for (auto span = peer.uploads.queue.begin(); span != peer.uploads.queue.end();) {
    if (span->piece == waits) {
      ++span;
      continue;
    }
    const std::optional<BufferId> buffer = store_.pin(*span);
    if (!buffer && span->frame != 0 && !is_here(peer, *span)) {  // the pool had no room for it any more
      refuse(peer, *span);
      span = peer.uploads.queue.erase(span);
      continue;
    }
    if (!buffer) {
      if (span->frame == 0 && context_.have.test(span->piece))
        return false;  // its turn comes when it has been read
      waits = span->piece;
      ++span;
      continue;
    }
    if (!context_.pool.is_being_sent(*buffer) && !may_pin(peer)) {
      store_.unpin(*buffer);
      return false;
    }
    const BlockSpan chosen = *span;
    ++blocks_sending_;
    context_.pool.begin_sending(*buffer);
    peer.uploads.queue.erase(span);
    peer.uploads.sending.push_back({chosen, *buffer});
    peer.uploads.sending_bytes += chosen.length;
    peer.uploads.credit_bytes -= chosen.length;
    const std::uint32_t segment = context_.geometry.segment_of(chosen).segment;
    context_.emit(SendBlock{peer.handle, chosen, *buffer,
                            chosen.begin - segment * context_.geometry.segment_bytes(), peer.frame_id});
    return true;
  }
  return false;
}

void Uploader::read_ahead(const Peer& peer) {
  std::uint32_t ahead = 1;
  std::optional<SegmentRef> previous;
  std::uint32_t segments = 0;
  for (const BlockSpan& span : peer.uploads.queue) {
    const SegmentRef segment = context_.geometry.segment_of(span);
    if (span.frame != 0 || segment == previous || !context_.have.test(span.piece)) continue;
    if (segments == 1) ahead = segments_ahead();
    if (segments++ == ahead) return;
    previous = segment;
    if (!store_.read(segment)) return;
  }
}

// That are read for a peer: half of the buffers for all who have asked.
std::uint32_t Uploader::segments_ahead() const {
  const auto peers = static_cast<std::uint32_t>(
      std::count_if(context_.peers.begin(), context_.peers.end(),
                    [](const auto& entry) { return !entry.second.uploads.queue.empty(); }));
  return std::clamp(context_.pool.capacity() / (2 * peers), 1u, max_read_ahead);
}

void Uploader::on_read(SegmentRef segment, TargetIndex target, const std::string& error) {
  store_.on_read(segment, target, error, [this] { pump_all(); });
}

void Uploader::pump_all() {
  for (auto& [handle, peer] : context_.peers) {
    if (!peer.uploads.queue.empty()) pump(peer);
  }
}

void Uploader::tick(Duration elapsed, double capacity) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  double receivers = 0;
  ours_lack_ = false;
  for (const auto& [handle, peer] : context_.peers) {
    if (!peer.active() || peer.pieces.have.all()) continue;
    receivers += 1;
    ours_lack_ |= peer.ours();
  }
  double share = std::max(capacity, least_capacity) / std::max(receivers, 1.0);
  if (context_.have.all()) share *= seeds_part;
  for (auto& [handle, peer] : context_.peers) {
    PeerUploads& uploads = peer.uploads;
    uploads.rate.tick(elapsed);
    uploads.credit_bytes = std::min(uploads.credit_bytes + share * seconds, share * credit_seconds);
    if (!uploads.sending.empty() && context_.now - uploads.last_taken > take_timeout) {
      context_.doom(peer, "takes no data");
    }
  }
}

}  // namespace ezio
