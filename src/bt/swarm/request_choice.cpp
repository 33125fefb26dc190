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
constexpr Duration skipped_timeout = 60s;  // one request unanswered while later ones are
constexpr Duration offer_patience = 1s;    // without an offer: then we ask our own peers like any other
constexpr double pipeline_seconds = 0.35;  // of a peer's rate that is requested ahead
constexpr double request_seconds = 0.012;  // of a peer's rate that one large request may take
// When nothing is left to begin a source may take so long for a piece, and so many times what all that is
// missing takes at best.
constexpr double late_seconds = 0.5;
constexpr double late_share = 2;
constexpr double slow_seconds = 20;  // of a slow peer's rate that is requested ahead; no least window
constexpr std::uint64_t least_slow_window_bytes = 2 * block_bytes;
constexpr std::uint64_t min_window_bytes = 256 * KiB;
constexpr std::uint64_t max_window_bytes = 32 * MiB;
constexpr std::uint32_t min_large_request = 64 * KiB;
constexpr std::size_t max_unanswered = 4096;  // released requests remembered a peer

}  // namespace

// ---------------------------------------------------------------- how much

void RequestPipeline::fill_all() {
  for (auto& [handle, peer] : context_.peers) fill(peer);
}

void RequestPipeline::fill(Peer& peer) {
  if (!peer.active() || peer.choking_us || peer.requests.snubbed || context_.have.all()) return;
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

void RequestPipeline::on_offer(Peer& peer, PieceIndex piece) {
  PieceDownload* download = nullptr;
  if (takes(peer, piece)) {
    last_welcome_offer_ = context_.now;
    download = store_.find(piece);
    if (download == nullptr) download = begin(piece);
  }
  if (download == nullptr) {  // not wanted, or no buffers for it
    context_.notify(peer, wire::PieceNotice::What::decline, piece);
    return;
  }
  if (download->untouched()) download->source = peer.handle;
  fill(peer);
}

bool RequestPipeline::takes(const Peer& peer, PieceIndex piece) const {
  if (context_.over || context_.have.test(piece) || blame_.is_suspect(peer.handle)) return false;
  if (peer.choking_us || peer.requests.snubbed) return false;
  const PieceDownload* download = store_.find(piece);
  const bool has_it = peer.pieces.have.test(piece);
  if (download == nullptr) return has_it || blame_.may_relay(peer.handle, piece);
  // A piece that has lost its source is only taken from who has all of it: so nobody waits for itself.
  return has_it && download->has_open() && !download->source && !download->exclusive;
}

// ---------------------------------------------------------------- what

std::optional<BlockSpan> RequestPipeline::choose(Peer& peer) {
  if (auto span = choose_from_filling(peer)) return span;
  if (may_begin(peer)) {
    if (PieceDownload* begun = begin_rarest(peer)) {
      if (blame_.is_suspect(peer.handle)) begun->exclusive = peer.handle;
      return begun->first_open(request_bytes(peer));
    }
  }
  return blame_.is_suspect(peer.handle) ? take_over(peer) : choose_duplicate(peer);
}

// What it is the source of, the oldest first; then what nobody is the source of, or a late one.
std::optional<BlockSpan> RequestPipeline::choose_from_filling(const Peer& peer) {
  PieceDownload* chosen = nullptr;
  for (const auto& download : store_.filling()) {
    if (!download->has_open() || !may_ask(peer, *download)) continue;
    if (download->source == peer.handle) {
      chosen = download.get();
      break;
    }
    if (chosen == nullptr && (!download->source || is_late(*download))) chosen = download.get();
  }
  if (chosen == nullptr) return std::nullopt;
  if (blame_.is_suspect(peer.handle)) chosen->exclusive = peer.handle;
  return chosen->first_open(request_bytes(peer));
}

bool RequestPipeline::may_ask(const Peer& peer, const PieceDownload& download) const {
  if (download.exclusive) return download.exclusive == peer.handle;
  if (download.source == peer.handle) return true;
  if (!peer.pieces.have.test(download.piece())) return false;
  // A suspect gets a failed piece, or one nobody has begun, for itself alone.
  return !blame_.is_suspect(peer.handle) || download.untouched();
}

// When nothing is left to begin, others help a source that will still be busy when all the rest could be
// here.
bool RequestPipeline::is_late(const PieceDownload& download) const {
  if (context_.census.rarity().count(Rarity::Set::wanted) > 0) return false;
  std::uint64_t missing = 0;
  for (const auto& each : store_.filling()) missing += each->size() - each->received_bytes();
  const double least = static_cast<double>(missing) / std::max(downlink_.capacity(), double{64 * KiB});
  const double rate = context_.find(*download.source)->requests.rate.per_second();
  const double left = download.size() - download.received_bytes();
  return left > rate * (late_seconds + late_share * least);
}

// Our own peers know best whom to send what; only where that fails do we ask.
bool RequestPipeline::may_begin(const Peer& peer) const {
  if (peer.pieces.missing == 0) return false;
  if (!peer.ours()) return true;
  const TimePoint quiet_since = std::max(last_welcome_offer_, peer.since);
  return store_.filling().empty() && context_.now - quiet_since > offer_patience;
}

// Where only suspects are left, one of them begins anew what others have left unfinished.
std::optional<BlockSpan> RequestPipeline::take_over(const Peer& peer) {
  for (const auto& download : store_.filling()) {
    if (download->exclusive || !download->idle() || !peer.pieces.have.test(download->piece())) continue;
    if (download->complete()) continue;
    received_.wasted += download->received_bytes();
    download->reset();
    download->exclusive = peer.handle;
    return download->first_open(request_bytes(peer));
  }
  return std::nullopt;
}

PieceDownload* RequestPipeline::begin_rarest(const Peer& peer) {
  const auto piece = context_.census.rarity().rarest(
      Rarity::Set::wanted, [&](PieceIndex candidate) { return peer.pieces.have.test(candidate); });
  assert(piece);
  return begin(*piece);
}

PieceDownload* RequestPipeline::begin(PieceIndex piece) {
  while (!store_.has_room(piece)) {
    if (!abandon_orphan()) return nullptr;
  }
  PieceDownload* download = store_.start(piece);
  if (download == nullptr) return nullptr;
  download->since = context_.now;
  context_.census.begin(piece);
  context_.notify_ours(wire::PieceNotice::What::fetching, piece);
  return download;
}

bool RequestPipeline::abandon_orphan() {
  for (const auto& download : store_.filling()) {
    const PieceIndex piece = download->piece();
    if (!download->idle() || context_.census.rarity().availability(piece) > 0) continue;
    give_up(piece);  // nobody here has the rest of it: its buffers serve a piece that somebody has
    return true;
  }
  return false;
}

std::optional<BlockSpan> RequestPipeline::choose_duplicate(const Peer& peer) {
  if (context_.census.rarity().count(Rarity::Set::wanted) > 0) return std::nullopt;
  // Endgame: from the end of the longest queue, what this peer can deliver sooner.
  const double our_rate = std::max(peer.requests.rate.per_second(), double{MiB});
  const double our_wait = (static_cast<double>(peer.requests.bytes) + request_bytes(peer)) / our_rate;
  double longest_wait = std::max(our_wait, late_seconds);
  std::optional<BlockSpan> best;
  for (const auto& [handle, other] : context_.peers) {
    if (handle == peer.handle || other.requests.bytes == 0) continue;
    const double wait = static_cast<double>(other.requests.bytes) /
                        std::max(other.requests.rate.per_second(), double{64 * KiB});
    if (wait <= longest_wait) continue;
    for (auto request = other.requests.queue.rbegin(); request != other.requests.queue.rend(); ++request) {
      if (request->released || !peer.pieces.have.test(request->span.piece)) continue;
      PieceDownload* download = store_.find(request->span.piece);
      BlockSpan span = request->span;
      span.length = std::min(span.length, request_bytes(peer));
      if (download == nullptr || download->exclusive || !download->wants_duplicate(span)) continue;
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
  wire::append_request(context_.out(peer), span);
}

// ---------------------------------------------------------------- for how long

void RequestPipeline::tick(Duration elapsed) {
  downlink_.tick(static_cast<double>(progress_ - received_at_tick_), elapsed);
  received_at_tick_ = progress_;
  for (auto& [handle, peer] : context_.peers) {
    peer.requests.rate.tick(elapsed);
    check_timeouts(peer);
  }
}

void RequestPipeline::check_timeouts(Peer& peer) {
  PeerRequests& asked = peer.requests;
  const bool owes = asked.receiving || asked.bytes > 0 || asked.snubbed;
  if (!owes || !peer.active()) return;
  const Duration silence = context_.now - asked.last_payload;
  if (silence > silence_timeout || (silence > request_timeout && asked.receiving)) {
    // With a payload broken off half-way the blocks can be had from others only once its socket is gone.
    context_.doom(peer, "silent while it owes blocks");
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

// Others are asked for what it owes. It is asked for one block more, which nobody waits for: a peer that has
// lost our requests without a word answers this one, and is trusted again.
void RequestPipeline::snub(Peer& peer) {
  release_all(peer);
  let_go(peer);
  peer.requests.snubbed = true;
  if (peer.choking_us || blame_.is_suspect(peer.handle)) return;
  const std::optional<BlockSpan> span = choose_from_filling(peer);
  if (!span) return;
  const TimePoint last_payload = peer.requests.last_payload;
  send_request(peer, *span);
  peer.requests.last_payload = last_payload;
  release(peer, peer.requests.queue.back());
}

}  // namespace ezio
