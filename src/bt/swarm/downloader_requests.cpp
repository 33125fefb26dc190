// The choosing half of Downloader: which block to ask of which peer, how far ahead, and for how long.
#include <algorithm>
#include <bit>
#include <cassert>

#include "bt/swarm/downloader.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr Duration request_timeout = 20s;  // without a byte from a peer that owes blocks
constexpr Duration silence_timeout = 60s;  // the same, for closing it
constexpr Duration skipped_timeout = 60s;  // one request unanswered while others are
constexpr double pipeline_seconds = 0.35;  // of a peer's rate that is requested ahead
constexpr double request_seconds = 0.02;   // of a peer's rate that one large request may take
constexpr double abreast_seconds = 0.25;   // of a peer's rate: the pieces fetched side by side
constexpr double slow_seconds = 20;        // the same of a slow peer, which gets no least window
constexpr std::uint64_t least_slow_window_bytes = 2 * block_bytes;
constexpr std::uint64_t min_window_bytes = 256 * KiB;
constexpr std::uint64_t min_window_bytes_large = 2 * MiB;  // for a peer that serves large requests
constexpr std::uint64_t max_window_bytes = 32 * MiB;
constexpr std::uint32_t min_large_request = 64 * KiB;
constexpr std::size_t max_unanswered = 4096;  // released requests remembered a peer

}  // namespace

void Downloader::fill_all_requests() {
  for (auto& [handle, peer] : context_.peers) fill_requests(peer);
}

void Downloader::fill_requests(Peer& peer) {
  if (peer.state != Peer::State::active || peer.choking_us || peer.snubbed || context_.have.all()) return;
  const std::uint64_t window = window_bytes(peer);
  while (peer.requested_bytes < window && peer.open_requests < peer.request_queue) {
    const std::optional<BlockSpan> span = choose(peer);
    if (!span) return;
    send_request(peer, *span);
  }
}

std::uint64_t Downloader::window_bytes(const Peer& peer) const {
  const std::uint64_t least = peer.largest_request > block_bytes ? min_window_bytes_large : min_window_bytes;
  const double rate = peer.down.per_second();
  if (peer.slow) {
    // What it could not send in time would be asked of others meanwhile, and come twice.
    return std::clamp(static_cast<std::uint64_t>(rate * slow_seconds), least_slow_window_bytes,
                      min_window_bytes);
  }
  return std::clamp(static_cast<std::uint64_t>(rate * pipeline_seconds), least, max_window_bytes);
}

std::uint32_t Downloader::request_bytes(const Peer& peer) const {
  const std::uint32_t largest =
      std::min({peer.largest_request, limits_.largest_request, context_.geometry.segment_bytes()});
  if (largest <= block_bytes || peer.slow) return block_bytes;
  // Small enough that a slow peer answers within the time-outs, large enough that a fast one is not slowed
  // by a message every few microseconds. Unknown rates start in the middle.
  const double rate = peer.down.per_second();
  if (rate == 0) return std::min(largest, 4 * min_large_request);
  const double bytes = std::min(rate * request_seconds, double{max_segment_bytes});
  const std::uint32_t rounded = std::bit_floor(static_cast<std::uint32_t>(bytes));
  return std::min(largest, std::max(rounded, min_large_request));
}

// A fast peer is asked for several pieces side by side: each is a stream of the hash, and many streams are
// hashed together cheaper than one after the other. Not for so many that they take long to be complete: only
// then can a piece be passed on.
std::uint32_t Downloader::pieces_abreast(const Peer& peer) const {
  if (peer.suspect || peer.slow || peer.largest_request <= block_bytes) return 1;
  const double piece_bytes = context_.geometry.piece_size(PieceIndex{0});
  const auto soon_complete =
      static_cast<std::uint32_t>(peer.down.per_second() * abreast_seconds / piece_bytes);
  const std::uint32_t affordable = limits_.buffers / context_.geometry.segment_count(PieceIndex{0}) * 3 / 4;
  return std::max(1u, std::min({soon_complete, affordable, limits_.hash_streams * 5 / 4}));
}

// Begun at even distances, so that they do not all become complete, and their buffers free, at once.
bool Downloader::wants_another_piece(const Peer& peer) const {
  const std::uint32_t wanted = pieces_abreast(peer);
  if (wanted == 1) return false;
  std::uint32_t open = 0;
  const PieceDownload* newest = nullptr;
  for (const auto& download : active_) {
    if (!download->has_open() || !may_ask(peer, *download)) continue;
    ++open;
    newest = download.get();
  }
  if (open >= wanted) return false;
  return open == 0 || newest->open_bytes() <= newest->size() / wanted * (wanted - 1);
}

std::optional<BlockSpan> Downloader::choose(Peer& peer) {
  if (wants_another_piece(peer)) {
    if (PieceDownload* started = start_piece(peer, Need::extra))
      return started->first_open(request_bytes(peer));
  }
  if (auto span = choose_from_active(peer)) return span;
  if (PieceDownload* started = start_piece(peer, Need::only)) {
    if (peer.suspect) started->exclusive = peer.handle;
    return started->first_open(request_bytes(peer));
  }
  return peer.suspect ? take_over(peer) : choose_duplicate(peer);
}

std::optional<BlockSpan> Downloader::choose_from_active(const Peer& peer) {
  const bool in_turn = pieces_abreast(peer) > 1;  // else the oldest first
  PieceDownload* chosen = nullptr;
  for (const auto& download : active_) {
    if (!download->has_open() || !may_ask(peer, *download)) continue;
    if (chosen == nullptr || download->last_request < chosen->last_request) chosen = download.get();
    if (!in_turn) break;
  }
  if (chosen == nullptr) return std::nullopt;
  if (peer.suspect) chosen->exclusive = peer.handle;
  return chosen->first_open(request_bytes(peer));
}

bool Downloader::may_ask(const Peer& peer, const PieceDownload& download) const {
  if (!peer.pieces.test(download.piece())) return false;
  if (download.exclusive) return download.exclusive == peer.handle;
  // A suspect gets a failed piece, or one nobody has begun, for itself alone.
  return !peer.suspect || download.untouched();
}

// Where only suspects are left, one of them begins anew what others have left unfinished.
std::optional<BlockSpan> Downloader::take_over(const Peer& peer) {
  for (const auto& download : active_) {
    if (download->exclusive || !download->idle() || !peer.pieces.test(download->piece())) continue;
    if (download->complete()) continue;
    wasted_bytes_ += download->received_bytes();
    download->reset();
    download->exclusive = peer.handle;
    return download->first_open(request_bytes(peer));
  }
  return std::nullopt;
}

PieceDownload* Downloader::start_piece(Peer& peer, Need need) {
  if (peer.missing == 0) return nullptr;
  const std::optional<PieceIndex> piece = picker_.rarest(peer.pieces);
  assert(piece);
  const std::uint32_t count = context_.geometry.segment_count(*piece);
  if (!make_room(count, need)) return nullptr;
  std::vector<BufferId> buffers;
  buffers.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) buffers.push_back(*context_.pool.acquire());
  buffers_held_ += count;
  picker_.start(*piece);
  for (auto& [handle, other] : context_.peers) {
    if (other.told_pieces && other.pieces.test(*piece)) --other.missing;
  }
  active_.push_back(std::make_unique<PieceDownload>(context_.geometry, *piece, std::move(buffers)));
  return active_.back().get();
}

bool Downloader::make_room(std::uint32_t buffers, Need need) {
  // Verified pieces that wait for the disk count against the share, too: a slow disk slows the network.
  while (buffers_held_ + writing_.size() + buffers > limits_.buffers) {
    if (need == Need::extra || !abandon_orphan()) return false;
  }
  if (context_.pool.available() >= buffers) return true;
  if (need == Need::only) context_.pool.note_starved();
  return false;
}

bool Downloader::abandon_orphan() {
  for (const auto& download : active_) {
    const PieceIndex piece = download->piece();
    if (!download->idle() || picker_.availability(piece) > 0) continue;
    // Nobody here has the rest of it: its buffers serve a piece that somebody has.
    for (BufferId buffer : download->buffers()) context_.pool.release(buffer);
    picker_.put_back(piece);
    forget(piece);
    return true;
  }
  return false;
}

std::optional<BlockSpan> Downloader::choose_duplicate(const Peer& peer) {
  if (picker_.missing() > 0) return std::nullopt;
  // Endgame: from the end of the longest queue, what this peer can deliver sooner.
  const double our_rate = std::max(peer.down.per_second(), double{MiB});
  const double our_wait = (static_cast<double>(peer.requested_bytes) + request_bytes(peer)) / our_rate;
  double longest_wait = our_wait;
  std::optional<BlockSpan> best;
  for (const auto& [handle, other] : context_.peers) {
    if (handle == peer.handle || other.requested_bytes == 0) continue;
    const double wait =
        static_cast<double>(other.requested_bytes) / std::max(other.down.per_second(), double{64 * KiB});
    if (wait <= longest_wait) continue;
    for (auto request = other.requests.rbegin(); request != other.requests.rend(); ++request) {
      if (request->released || !peer.pieces.test(request->span.piece)) continue;
      PieceDownload* download = find(request->span.piece);
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

void Downloader::send_request(Peer& peer, const BlockSpan& span) {
  if (peer.requested_bytes == 0) peer.last_payload = context_.now;
  PieceDownload* download = find(span.piece);
  download->request(span);
  download->last_request = ++requests_sent_;
  peer.requested_bytes += span.length;
  ++peer.open_requests;
  if (peer.requests.size() >= max_unanswered && peer.requests.front().released) peer.requests.pop_front();
  peer.requests.push_back({span, context_.now, false});
  wire::append_request(context_.out(peer), span);
}

void Downloader::tick(Duration elapsed) {
  for (auto& [handle, peer] : context_.peers) {
    peer.down.tick(elapsed);
    check_timeouts(peer);
  }
}

void Downloader::check_timeouts(Peer& peer) {
  const bool owes = peer.receiving || peer.requested_bytes > 0 || peer.snubbed;
  if (!owes || peer.state != Peer::State::active) return;
  const Duration silence = context_.now - peer.last_payload;
  if (silence > silence_timeout || (silence > request_timeout && peer.receiving)) {
    // With a payload broken off half-way the blocks can be had from others only once its socket is gone.
    context_.doom(peer, "silent while it owes blocks");
    return;
  }
  if (silence > request_timeout) {
    if (!peer.snubbed) snub(peer);
    return;
  }
  for (OutstandingRequest& request : peer.requests) {  // some clients drop requests without a word
    if (!request.released && context_.now - request.sent > skipped_timeout) release(peer, request);
  }
}

// Others are asked for what it owes. It is asked for one block more, which nobody waits for: a peer that has
// lost our requests without a word answers this one, and is trusted again.
void Downloader::snub(Peer& peer) {
  release_all(peer);
  end_exclusive(peer);
  peer.snubbed = true;
  if (peer.choking_us || peer.suspect) return;
  const std::optional<BlockSpan> span = choose_from_active(peer);
  if (!span) return;
  const TimePoint last_payload = peer.last_payload;
  send_request(peer, *span);
  peer.last_payload = last_payload;
  release(peer, peer.requests.back());
}

}  // namespace ezio
