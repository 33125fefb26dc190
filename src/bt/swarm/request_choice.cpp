// The choosing half of RequestPipeline: which block to ask of which peer, how far ahead, and for how long.
#include <algorithm>
#include <bit>
#include <cassert>

#include "bt/swarm/request_pipeline.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr Duration request_timeout = 20s;  // without a byte from a peer that owes blocks
constexpr Duration silence_timeout = 60s;  // the same, for closing it
// For a block whose payload has begun: so long, and what it takes at so many bytes a second. (64 hosts at
// 1 Mbit/s, who all send to each other, have some 2 KiB a second a connection.)
constexpr Duration block_patience = 30s;
constexpr double least_block_rate = 16 * KiB;
constexpr Duration skipped_timeout = 60s;  // one request unanswered while later ones are
constexpr Duration offer_patience = 1s;    // without an offer: then we ask our own peers like any other
constexpr double pipeline_seconds = 0.35;  // of a peer's rate that is requested ahead
constexpr double request_seconds = 0.012;  // of a peer's rate that one large request may take
// When nothing is left to begin a source may take so long for a segment, and so many times what all that is
// missing takes at best; or be silent for so long.
constexpr double late_seconds = 0.5;
constexpr double missed_seconds = 1.5;
constexpr double drip_rate = 512;              // bytes a second; less of a block is no better than silence
constexpr double least_rate_at_end = 2 * KiB;  // bytes a second of a block that others have
constexpr double late_share = 2;
constexpr double slow_seconds = 20;  // of a slow peer's rate that is requested ahead; no least window
constexpr std::uint64_t least_slow_window_bytes = 2 * block_bytes;
constexpr std::uint64_t min_window_bytes = 256 * KiB;
constexpr std::uint64_t max_window_bytes = 32 * MiB;
constexpr std::uint32_t min_large_request = 64 * KiB;
// Segments that wait to be unpacked: more, and the processors are the limit, not the link.
constexpr std::uint32_t most_unpacking = 16;
constexpr std::size_t max_unanswered = 4096;  // released requests remembered a peer

}  // namespace

// ---------------------------------------------------------------- how much

void RequestPipeline::fill_all() {
  for (auto& [handle, peer] : context_.peers) fill(peer);
}

void RequestPipeline::fill(Peer& peer) {
  if (!peer.active() || peer.choking_us || peer.requests.snubbed || context_.held || context_.have.all()) {
    return;
  }
  const std::uint64_t window = window_bytes(peer);
  while (peer.requests.bytes < window && peer.requests.open < peer.request_queue) {
    const std::optional<BlockSpan> span = choose(peer);
    if (!span) return;
    send_request(peer, *span);
  }
}

std::uint64_t RequestPipeline::window_bytes(const Peer& peer) const {
  const double rate = peer.requests.rate.per_second();
  if (peer.requests.slow) {
    // What it could not send in time would be asked of others meanwhile, and come twice.
    return std::clamp(static_cast<std::uint64_t>(rate * slow_seconds), least_slow_window_bytes,
                      min_window_bytes);
  }
  return std::clamp(static_cast<std::uint64_t>(rate * pipeline_seconds), min_window_bytes, max_window_bytes);
}

std::uint32_t RequestPipeline::request_bytes(const Peer& peer) const {
  const std::uint32_t largest =
      std::min({peer.largest_request, largest_request_, context_.geometry.segment_bytes()});
  if (largest <= block_bytes || peer.requests.slow) return block_bytes;
  // Small enough that it can be passed on soon and that a slow peer answers within the time-outs, large
  // enough that a fast one is not slowed by a message every few microseconds.
  const double bytes = std::min(peer.requests.rate.per_second() * request_seconds, double{max_segment_bytes});
  const std::uint32_t rounded = std::bit_floor(static_cast<std::uint32_t>(bytes));
  return std::min(largest, std::max(rounded, min_large_request));
}

// ---------------------------------------------------------------- offers

void RequestPipeline::on_offer(Peer& peer, SegmentRef segment, SegmentFrame frame) {
  PieceDownload* download = nullptr;
  if (takes(peer, segment)) {
    last_welcome_offer_ = context_.now;
    download = store_.find(segment.piece);
    if (download == nullptr) download = start(segment.piece);
    if (download != nullptr && blame_.is_suspect(peer.handle)) download->exclusive = peer.handle;
  }
  if (download == nullptr) {  // not wanted, or no buffers for it
    context_.notify(peer, wire::SegmentNotice::What::decline, segment);
    return;
  }
  if (!download->begun(segment.segment)) begin(*download, segment.segment);
  leave_other_form(*download, segment.segment, frame);
  if (download->untouched(segment.segment)) {
    download->set_source(segment.segment, peer.handle);
    // A piece that was wrong is fetched as it is: perhaps it was its frames that were.
    const bool unpacks = store_.unpacking() < most_unpacking && !blame_.has_failed(segment.piece);
    if (frame && unpacks) store_.take_frame(*download, segment.segment, frame);
  }
  fill(peer);
}

bool RequestPipeline::takes(const Peer& peer, SegmentRef segment) const {
  if (context_.over || context_.held || context_.have.test(segment.piece)) return false;
  if (peer.choking_us || peer.requests.snubbed) return false;
  const PieceDownload* download = store_.find(segment.piece);
  if (download != nullptr && (download->exclusive || blame_.is_suspect(peer.handle))) return false;
  if (download == nullptr || !download->begun(segment.segment)) {
    if (!context_.census.rarity().in(Rarity::Set::wanted, segment)) return false;
    return peer.pieces.have.test(segment.piece) || blame_.may_relay(peer.handle, segment.piece);
  }
  // One that has lost its source is only taken from who has all of it: so nobody waits for itself.
  return can_send(peer, segment) && download->has_open(segment.segment) && !download->source(segment.segment);
}

// It has all of it, verified or, where that will do, not.
bool RequestPipeline::can_send(const Peer& peer, SegmentRef segment) const {
  if (peer.pieces.have.test(segment.piece)) return true;
  return peer.pieces.arrived(segment) && blame_.may_relay(peer.handle, segment.piece);
}

// ---------------------------------------------------------------- what

std::optional<BlockSpan> RequestPipeline::choose(Peer& peer) {
  if (auto span = choose_from_begun(peer)) return span;
  if (auto span = begin_next(peer)) return span;
  return blame_.is_suspect(peer.handle) ? take_over(peer) : choose_duplicate(peer);
}

// What it is the source of, the oldest first; then what nobody is the source of, or is late.
std::optional<BlockSpan> RequestPipeline::choose_from_begun(const Peer& peer) {
  PieceDownload* chosen = nullptr;
  std::uint32_t chosen_segment = 0;
  for (const auto& download : store_.filling()) {
    for (std::uint32_t i = 0; i < download->segment_count(); ++i) {
      if (!download->begun(i) || !download->has_open(i) || !may_ask(peer, *download, i)) continue;
      if (download->source(i) == peer.handle) return download->first_open(i, request_bytes(peer));
      if (chosen != nullptr || (download->source(i) && !is_late(*download, i))) continue;
      chosen = download.get();
      chosen_segment = i;
    }
  }
  if (chosen == nullptr) return std::nullopt;
  if (blame_.is_suspect(peer.handle)) chosen->exclusive = peer.handle;
  return chosen->first_open(chosen_segment, request_bytes(peer));
}

bool RequestPipeline::may_ask(const Peer& peer, const PieceDownload& download, std::uint32_t segment) const {
  if (download.exclusive) return download.exclusive == peer.handle;
  if (download.source(segment) == peer.handle) return true;
  if (!can_send(peer, {download.piece(), segment}) || !may_have_frame(peer, download, segment)) return false;
  // A suspect gets a failed piece, or one nobody has begun, for itself alone.
  return !blame_.is_suspect(peer.handle) || download.untouched();
}

// When nothing is left to begin, others help a source that will still be busy when all the rest could be
// here.
bool RequestPipeline::is_late(const PieceDownload& download, std::uint32_t segment) const {
  if (!context_.census.all_begun()) return false;
  const double rate = context_.find(*download.source(segment))->requests.rate.per_second();
  return download.missing_bytes(segment) > rate * (late_seconds + late_share * least_seconds());
}

// That all that is begun takes.
double RequestPipeline::least_seconds() const {
  std::uint64_t missing = 0;
  for (const auto& download : store_.filling()) missing += download->missing_bytes();
  return static_cast<double>(missing) / std::max(downlink_.capacity(), double{64 * KiB});
}

// Our own peers know best whom to send what; only where that fails do we ask.
bool RequestPipeline::may_begin(const Peer& peer) const {
  if (peer.pieces.missing == 0) return false;
  if (!peer.ours()) return true;
  // While we look at what our target holds, most of what they offer is declined.
  if (context_.census.rarity().count(Rarity::Set::unsure) > 0) return true;
  const TimePoint quiet_since = std::max(last_welcome_offer_, peer.since);
  return context_.now - quiet_since > offer_patience && nothing_is_coming();
}

bool RequestPipeline::nothing_is_coming() const {
  return std::none_of(store_.filling().begin(), store_.filling().end(), [](const auto& download) {
    for (std::uint32_t i = 0; i < download->segment_count(); ++i) {
      if (download->begun(i) && !download->complete(i)) return true;
    }
    return false;
  });
}

// Where only suspects are left, one of them begins anew what others have left unfinished.
std::optional<BlockSpan> RequestPipeline::take_over(const Peer& peer) {
  for (const auto& download : store_.filling()) {
    if (download->exclusive || !download->idle() || !peer.pieces.have.test(download->piece())) continue;
    if (download->complete() || !drop_frames(*download)) continue;
    received_.wasted += download->received_bytes();
    download->reset();
    download->exclusive = peer.handle;
    return choose_from_begun(peer);
  }
  return std::nullopt;
}

// The next segment of a piece whose buffers are taken already, else the rarest piece of all.
std::optional<BlockSpan> RequestPipeline::begin_next(const Peer& peer) {
  const bool may = may_begin(peer);
  for (const auto& download : store_.filling()) {
    const std::optional<std::uint32_t> segment = download->first_unbegun();
    if (!segment || !(may || download->exclusive == peer.handle)) continue;
    if (!may_ask(peer, *download, *segment)) continue;
    begin(*download, *segment);
    return download->first_open(*segment, request_bytes(peer));
  }
  if (!may) return std::nullopt;
  const auto rarest = context_.census.rarity().rarest(Rarity::Set::wanted, [&](SegmentRef candidate) {
    return peer.pieces.have.test(candidate.piece) && store_.find(candidate.piece) == nullptr;
  });
  PieceDownload* download = rarest ? start(rarest->piece) : nullptr;
  if (download == nullptr) return std::nullopt;
  if (blame_.is_suspect(peer.handle)) download->exclusive = peer.handle;
  begin(*download, 0);
  return download->first_open(0, request_bytes(peer));
}

PieceDownload* RequestPipeline::start(PieceIndex piece) {
  while (!store_.has_room(piece)) {
    if (!abandon_orphan()) return nullptr;
  }
  return store_.start(piece);
}

void RequestPipeline::begin(PieceDownload& download, std::uint32_t segment) {
  download.begin(segment);
  context_.census.begin({download.piece(), segment});
  context_.notify_ours(wire::SegmentNotice::What::fetching, {download.piece(), segment});
}

// One whose rest nobody here has: its buffers serve a piece that somebody has.
bool RequestPipeline::abandon_orphan() {
  for (const auto& download : store_.filling()) {
    if (!download->idle()) continue;
    for (std::uint32_t i = 0; i < download->segment_count(); ++i) {
      const SegmentRef segment{download->piece(), i};
      if (download->complete(i) || context_.census.rarity().availability(segment) > 0) continue;
      give_up(segment.piece);
      return true;
    }
  }
  return false;
}

std::optional<BlockSpan> RequestPipeline::choose_duplicate(const Peer& peer) {
  if (!context_.census.all_begun()) return std::nullopt;
  // Endgame: from the end of the longest queue, what this peer can deliver sooner.
  const double our_rate = std::max(peer.requests.rate.per_second(), double{MiB});
  const double our_wait = (static_cast<double>(peer.requests.bytes) + request_bytes(peer)) / our_rate;
  const double least_late_seconds = late_seconds + late_share * least_seconds();
  double longest_wait = std::max(our_wait, late_seconds);
  std::optional<BlockSpan> best;
  for (const auto& [handle, other] : context_.peers) {
    if (handle == peer.handle || other.requests.bytes == 0) continue;
    const double wait = static_cast<double>(other.requests.bytes) /
                        std::max(other.requests.rate.per_second(), double{64 * KiB});
    if (wait <= longest_wait || (other.ours() && wait <= least_late_seconds)) continue;
    for (auto request = other.requests.queue.rbegin(); request != other.requests.queue.rend(); ++request) {
      if (request->released || !can_send(peer, context_.geometry.segment_of(request->span))) continue;
      PieceDownload* download = store_.find(request->span.piece);
      BlockSpan span = request->span;
      span.length = std::min(span.length, request_bytes(peer));
      if (download == nullptr || download->exclusive || !download->wants_duplicate(span)) continue;
      if (!may_have_frame(peer, *download, context_.geometry.segment_of(span).segment)) continue;
      longest_wait = wait;
      best = span;
      break;
    }
  }
  return best;
}

void RequestPipeline::send_request(Peer& peer, const BlockSpan& span) {
  PeerRequests& asked = peer.requests;
  if (asked.bytes == 0) asked.last_payload = context_.now;
  store_.find(span.piece)->request(span);
  asked.bytes += span.length;
  ++asked.open;
  if (asked.queue.size() >= max_unanswered && asked.queue.front().released) asked.queue.pop_front();
  asked.queue.push_back({span, context_.now, false});
  wire::append_request(context_.out(peer), span, peer.frame_id);
}

// ---------------------------------------------------------------- for how long

void RequestPipeline::tick(Duration elapsed) {
  downlink_.tick(static_cast<double>(arrived_ - received_at_tick_), elapsed);
  received_at_tick_ = arrived_;
  for (auto& [handle, peer] : context_.peers) {
    peer.requests.rate.tick(elapsed);
    check_timeouts(peer);
  }
}

Duration RequestPipeline::time_for(const BlockSpan& span) {
  const std::chrono::duration<double> at_least(span.length / least_block_rate);
  return block_patience + std::chrono::duration_cast<Duration>(at_least);
}

void RequestPipeline::check_timeouts(Peer& peer) {
  PeerRequests& asked = peer.requests;
  const bool owes = asked.receiving || asked.bytes > 0 || asked.snubbed;
  if (!owes || !peer.active()) return;
  const Duration silence = context_.now - asked.last_payload;
  // With a payload broken off half-way the blocks can be had from others only once its socket is gone.
  const bool broken_off = asked.receiving && (silence > request_timeout || is_missed(peer, silence));
  if (silence > silence_timeout || broken_off) {
    context_.doom(peer, "silent while it owes blocks");
    return;
  }
  if (asked.receiving && context_.now - asked.receiving_since > time_for(asked.receiving->span)) {
    // Whoever sends a byte now and then holds the block as one who is silent does.
    context_.doom(peer, "sends a block far too slowly");
    return;
  }
  if (silence > request_timeout) {
    if (!asked.snubbed) snub(peer);
    return;
  }
  for (OutstandingRequest& request : asked.queue) {  // some clients drop requests without a word
    const bool skipped = request.sent < asked.answered_sent;
    if (skipped && !request.released && context_.now - request.sent > skipped_timeout) release(peer, request);
  }
}

// Whether all is begun, and another could have sent by now what has broken off, or trickles.
bool RequestPipeline::is_missed(const Peer& peer, Duration silence) const {
  if (!context_.census.all_begun()) return false;
  const PeerRequests& asked = peer.requests;
  const auto in_seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
  const double begun_for = in_seconds(context_.now - asked.receiving_since);
  const bool drips = asked.receiving_bytes < begun_for * drip_rate;
  const double overdue = begun_for - asked.receiving->span.length / least_rate_at_end;
  const double waited = std::max(drips ? begun_for : in_seconds(silence), overdue);
  if (waited < missed_seconds || waited < missed_seconds + late_share * least_seconds()) return false;
  const SegmentRef segment = context_.geometry.segment_of(asked.receiving->span);
  return std::any_of(context_.peers.begin(), context_.peers.end(), [&](const auto& entry) {
    const Peer& other = entry.second;
    return other.handle != peer.handle && other.active() && !other.choking_us && can_send(other, segment);
  });
}

// Others are asked for what it owes. It is asked for one block more, which nobody waits for: a peer that has
// lost our requests without a word answers this one, and is trusted again.
void RequestPipeline::snub(Peer& peer) {
  release_all(peer);
  let_go(peer);
  peer.requests.snubbed = true;
  if (peer.choking_us || blame_.is_suspect(peer.handle)) return;
  const std::optional<BlockSpan> span = choose_from_begun(peer);
  if (!span) return;
  const TimePoint last_payload = peer.requests.last_payload;
  send_request(peer, *span);
  peer.requests.last_payload = last_payload;
  release(peer, peer.requests.queue.back());
}

}  // namespace ezio
