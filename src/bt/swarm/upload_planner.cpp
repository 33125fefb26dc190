#include "bt/swarm/upload_planner.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr Duration answer_time = 3s;  // for an offer
constexpr Duration rest_declined = 50ms;
constexpr Duration rest_silent = 1s;
constexpr Duration rest_full = 150ms;  // from pieces that are new to it
// At once. TCP gives each the same, so that whoever has few neighbours would be sent little: where there are
// more receivers than these, those go first who have least and are being sent least.
constexpr std::size_t most_transfers = 16;
constexpr std::size_t most_measuring = 4;  // enough to fill a link, and gone soon where frames are to follow
constexpr std::size_t most_ready = 64;     // segments that were packed for receivers who got them from others
constexpr double answer_seconds = 0.1;     // that the way of an offer there and back may take

}  // namespace

UploadPlanner::UploadPlanner(SwarmContext& context, PieceStore& store, FramePolicy frames,
                             std::uint64_t random_seed)
    : context_(context), store_(store), frames_(frames), random_(random_seed) {}

void UploadPlanner::plan() {
  if (context_.over || !std::exchange(changed_, false)) return;
  const std::size_t most = most_at_once();
  const bool full = transfers_.size() >= most;
  if (full && most_packing() == 0) return;
  const auto incomplete = static_cast<std::uint32_t>(
      std::count_if(context_.peers.begin(), context_.peers.end(),
                    [](const auto& entry) { return !entry.second.pieces.have.all(); }));
  if (!full) {
    for (Peer* peer : receivers()) {
      while (transfers_.size() < most && offer(*peer, incomplete) && may_receive(*peer)) {
      }
    }
  }
  pack_ahead(incomplete);
}

std::size_t UploadPlanner::most_at_once() const {
  const bool frames_may_follow =
      frames_.measures() && std::any_of(context_.peers.begin(), context_.peers.end(),
                                        [](const auto& entry) { return entry.second.takes_frames(); });
  return frames_may_follow ? most_measuring : most_transfers;
}

// Those that may be offered a segment; in front who has least, counting what it is being sent. (By that alone
// those came last for good who were being sent something by a host that had lost its power.)
std::vector<Peer*> UploadPlanner::receivers() {
  struct Candidate {
    std::size_t segments;
    std::uint64_t tie;
    Peer* peer;
  };
  std::vector<Candidate> found;
  const std::size_t piece_segments = context_.geometry.segment_count(PieceIndex{0});
  for (auto& [handle, peer] : context_.peers) {
    if (!peer.active() || !peer.ours()) continue;
    if (!receivers_.contains(handle)) receivers_[handle].first_copies = fair_first_copies();
    if (may_receive(peer)) {
      const std::size_t segments = peer.pieces.have.count() * piece_segments + peer.pieces.in_parts();
      found.push_back({segments, random_(), &peer});
    }
  }
  std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.segments, a.tie) < std::tie(b.segments, b.tie);
  });
  std::vector<Peer*> peers;
  for (const Candidate& candidate : found) peers.push_back(candidate.peer);
  return peers;
}

// One piece at a time, so that who can send the next one soonest does; but who is sent nothing else does not
// wait for the way of an offer there and back.
bool UploadPlanner::may_receive(const Peer& peer) const {
  if (peer.we_are_choking || peer.pieces.have.all()) return false;
  if (context_.now < receivers_.at(peer.handle).resting_until) return false;
  double left = 0;
  std::size_t transfers = 0;
  for (const Transfer& transfer : transfers_) {
    if (transfer.to != peer.handle) continue;
    left += transfer.left;
    ++transfers;
  }
  if (transfers == 0) return true;
  return transfers == peer.pieces.coming() && left < peer.uploads.rate.per_second() * answer_seconds;
}

// Of the peers so many are `incomplete`: what all of them have need not be looked at.
bool UploadPlanner::offer(Peer& peer, std::uint32_t incomplete) {
  const std::optional<SegmentRef> segment = choose(peer, incomplete);
  if (!segment) return false;
  if (context_.census.rarity().copies(*segment) == 0) {
    std::uint32_t& first_copies = receivers_.at(peer.handle).first_copies;
    if (first_copies > fair_first_copies() && !uplink_has_room()) return false;
    ++first_copies;
  }
  last_piece_ = segment->piece;
  const SegmentFrame frame = peer.takes_frames() ? store_.frame_of(*segment) : SegmentFrame{};
  const std::uint32_t size = frame ? frame.bytes : context_.geometry.segment_size(*segment);
  transfers_.push_back({peer.handle, *segment, context_.now, false, size, bool{frame}});
  std::erase(ready_, *segment);
  context_.census.offered(peer, *segment);
  if (frame) {
    const BlockSpan span{segment->piece, segment->segment * context_.geometry.segment_bytes(), frame.bytes,
                         frame.id};
    wire::append_frame_offer(context_.out(peer), {span}, peer.frame_id);
    // It may have waited for this for long, and would be evicted before anybody asks for it.
    context_.pool.touch(context_.frame_key(*segment));
  } else {
    context_.notify(peer, wire::SegmentNotice::What::offer, *segment);
  }
  return true;
}

// The rarest that suits; where frames are worth waiting for, one that is packed.
std::optional<SegmentRef> UploadPlanner::choose(const Peer& peer, std::uint32_t incomplete) {
  const auto found = rarest(peer, last_piece_, incomplete, [&](SegmentRef s) { return suits(peer, s); });
  if (!found || !peer.takes_frames() || !frames_.waits() || is_ready(*found)) return found;
  if (!pool_has_room()) return found;
  return choose_framed(peer, *found);
}

// Instead of `rarest`, which is not packed: one that is, of a piece that the peer has in part if there is
// one.
std::optional<SegmentRef> UploadPlanner::choose_framed(const Peer& peer, SegmentRef rarest) {
  const std::uint32_t copies = context_.census.rarity().copies(rarest);
  if (const auto ready = choose_ready(peer, copies, true)) return ready;
  if (frames_.skips()) return rarest;
  const bool packing = store_.is_packing(rarest) || pack(rarest);
  const bool full = context_.now < receivers_.at(peer.handle).full_until;
  if (const auto ready = full ? std::nullopt : choose_ready(peer, copies, false)) return ready;
  if (packing || store_.packing() > 0) {
    if (peer.pieces.coming() == 0) frames_.receiver_waits();
    return std::nullopt;
  }
  return rarest;  // no buffers to pack in
}

std::optional<SegmentRef> UploadPlanner::choose_ready(const Peer& peer, std::uint32_t most_copies,
                                                      bool of_parts) const {
  const Rarity& rarity = context_.census.rarity();
  std::optional<SegmentRef> best;
  for (const SegmentRef segment : ready_) {
    const std::uint32_t copies = rarity.copies(segment);
    if (copies > most_copies || (best && copies >= rarity.copies(*best))) continue;
    if (of_parts && peer.pieces.part(segment.piece) == nullptr) continue;
    if (is_ready(segment) && suits(peer, segment)) best = segment;
  }
  return best;
}

// It is sent as a frame, or is known not to have one.
bool UploadPlanner::is_ready(SegmentRef segment) const {
  return store_.has_no_frame(segment) || store_.frame_of(segment);
}

// Each takes two buffers meanwhile, and one until it is sent. Most of a small pool is left to what is being
// sent.
std::uint32_t UploadPlanner::most_packing() const {
  return std::min(frames_.most_packing(context_.now), std::max(context_.pool.capacity() / 8, 1u));
}

// For another frame until all of it is sent: one that has to give way for the next is packed for nothing.
bool UploadPlanner::pool_has_room() const {
  const auto framed =
      std::count_if(transfers_.begin(), transfers_.end(), [](const Transfer& t) { return t.framed; });
  return static_cast<std::uint32_t>(framed) < context_.pool.capacity() / 2;
}

bool UploadPlanner::pack(SegmentRef segment) {
  if (store_.packing() >= most_packing() || !store_.pack(segment)) return false;
  frames_.began(context_.now);
  last_packed_ = segment.piece;
  return true;
}

// So that nobody has to wait; a look at what packing takes, where nobody does.
void UploadPlanner::pack_ahead(std::uint32_t incomplete) {
  const std::uint32_t most = most_packing();
  if (most == 0 || !pool_has_room()) return;
  std::erase_if(ready_, [&](SegmentRef segment) {
    return !is_ready(segment) || context_.census.rarity().copies(segment) >= incomplete;
  });
  for (const auto& [handle, peer] : context_.peers) {
    if (!peer.active() || !peer.takes_frames() || peer.we_are_choking || peer.pieces.have.all()) continue;
    while (ready_.size() + store_.packing() < most) {
      const auto found = rarest(peer, last_packed_, incomplete, [&](SegmentRef segment) {
        return suits(peer, segment) && context_.have.test(segment.piece) && !is_ready(segment) &&
               !store_.is_packing(segment);
      });
      if (!found || !pack(*found)) break;
    }
  }
}

void UploadPlanner::on_packed(SegmentRef segment, bool frame, Duration packing) {
  frames_.packed(context_.geometry.segment_size(segment), frame, packing);
  ready_.push_back(segment);
  if (ready_.size() > most_ready) ready_.pop_front();
  changed_ = true;
}

template <class Suits>
std::optional<SegmentRef> UploadPlanner::rarest(const Peer& peer, PieceIndex last_piece,
                                                std::uint32_t incomplete, Suits suits) const {
  const Rarity& rarity = context_.census.rarity();
  std::optional<SegmentRef> best;
  const auto receiver = receivers_.find(peer.handle);
  if (receiver != receivers_.end() && context_.now < receiver->second.full_until) {
    for (const auto& part : peer.pieces.parts) consider_rest(part.piece, incomplete, suits, best);
    return best;
  }
  const auto rarest = rarity.rarest(Rarity::Set::held, suits, incomplete);
  if (!rarest || context_.geometry.segment_count(rarest->piece) == 1) return rarest;
  const std::uint32_t below = rarity.copies(*rarest) + 1;
  for (const auto& part : peer.pieces.parts) consider_rest(part.piece, below, suits, best);
  if (!best) consider_rest(last_piece, below, suits, best);
  return best ? best : rarest;
}

// The piece's rarest segment that suits, if it is rarer than `best` and has fewer copies than that.
template <class Suits>
void UploadPlanner::consider_rest(PieceIndex piece, std::uint32_t below, Suits suits,
                                  std::optional<SegmentRef>& best) const {
  const Rarity& rarity = context_.census.rarity();
  if (best) below = std::min(below, rarity.copies(*best));
  for (SegmentRef segment{piece, 0}; context_.geometry.contains(segment); ++segment.segment) {
    if (rarity.copies(segment) >= below || !suits(segment)) continue;
    best = segment;
    below = rarity.copies(segment);
  }
}

// What a quarter of the receivers has at most: a few slow ones do not hold up the others.
std::uint32_t UploadPlanner::fair_first_copies() const {
  std::vector<std::uint32_t> all;
  for (const auto& [handle, receiver] : receivers_) {
    const Peer* peer = context_.find(handle);
    if (peer != nullptr && !peer->pieces.have.all()) all.push_back(receiver.first_copies);
  }
  if (all.empty()) return 0;
  const auto quarter = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 4);
  std::nth_element(all.begin(), quarter, all.end());
  return *quarter;
}

bool UploadPlanner::uplink_has_room() const {
  double rate = 0;
  for (const auto& [handle, peer] : context_.peers) rate += peer.uploads.rate.per_second();
  return uplink_.has_room(rate);
}

bool UploadPlanner::suits(const Peer& peer, SegmentRef segment) const {
  if (!peer.pieces.lacks(segment) || context_.zeros.test(segment.piece)) return false;
  if (context_.have.test(segment.piece)) return true;
  const PieceDownload* download = store_.find(segment.piece);
  if (download == nullptr || download->exclusive || !download->begun(segment.segment)) return false;
  if (download->complete(segment.segment)) return true;
  const auto source = download->source(segment.segment);  // it is on its way to us, from another
  return source && source != peer.handle;
}

UploadPlanner::Transfer* UploadPlanner::find(PeerHandle peer, SegmentRef segment) {
  const auto found = std::find_if(transfers_.begin(), transfers_.end(),
                                  [&](const Transfer& t) { return t.to == peer && t.segment == segment; });
  return found == transfers_.end() ? nullptr : &*found;
}

// ---------------------------------------------------------------- how transfers go on

void UploadPlanner::on_request(PeerHandle peer, const BlockSpan& span) {
  if (context_.geometry.contains(span)) on_taken(peer, context_.geometry.segment_of(span));
}

void UploadPlanner::on_taken(PeerHandle peer, SegmentRef segment) {
  if (Transfer* transfer = find(peer, segment)) transfer->taken = true;
}

void UploadPlanner::on_sent(PeerHandle peer, const BlockSpan& span) {
  sent_bytes_ += span.length;
  const SegmentRef segment = context_.geometry.segment_of(span);
  Transfer* transfer = find(peer, segment);
  if (transfer == nullptr) return;
  transfer->left -= std::min(transfer->left, span.length);
  changed_ = true;
  if (transfer->left == 0) on_over(peer, segment);
}

void UploadPlanner::on_decline(PeerHandle peer, SegmentRef segment) {
  if (find(peer, segment) == nullptr) return;
  end_untaken(peer, segment, rest_declined);
  const Peer* receiver = context_.find(peer);
  // It is not being sent it by another, so it has no buffers for it.
  if (receiver != nullptr && receiver->pieces.part(segment.piece) == nullptr) {
    receivers_[peer].full_until = context_.now + rest_full;
  }
}

void UploadPlanner::on_over(PeerHandle peer, SegmentRef segment) {
  changed_ = true;
  std::erase_if(transfers_, [&](const Transfer& t) { return t.to == peer && t.segment == segment; });
}

void UploadPlanner::on_over(PeerHandle peer, PieceIndex piece) {
  changed_ = true;
  std::erase_if(transfers_, [&](const Transfer& t) { return t.to == peer && t.segment.piece == piece; });
  const auto receiver = receivers_.find(peer);
  if (receiver != receivers_.end()) receiver->second.full_until = {};  // its buffers are free again
}

void UploadPlanner::peer_gone(PeerHandle peer) {
  std::erase_if(transfers_, [&](const Transfer& transfer) { return transfer.to == peer; });
  receivers_.erase(peer);
  changed_ = true;
}

void UploadPlanner::piece_gone(PieceIndex piece) {
  for (const Transfer& transfer : transfers_) {
    if (transfer.segment.piece != piece) continue;
    if (Peer* receiver = context_.find(transfer.to)) context_.census.not_taken(*receiver, transfer.segment);
  }
  std::erase_if(transfers_, [&](const Transfer& transfer) { return transfer.segment.piece == piece; });
  changed_ = true;
}

void UploadPlanner::tick(Duration elapsed) {
  uplink_.tick(static_cast<double>(sent_bytes_), elapsed);
  frames_.tick(static_cast<double>(sent_bytes_), elapsed, !transfers_.empty());
  sent_bytes_ = 0;
  changed_ = true;
  for (const Transfer& transfer : std::vector<Transfer>(transfers_)) {
    if (transfer.taken || context_.now - transfer.since <= answer_time) continue;
    end_untaken(transfer.to, transfer.segment, rest_silent);
  }
}

void UploadPlanner::end_untaken(PeerHandle peer, SegmentRef segment, Duration rest) {
  on_over(peer, segment);
  receivers_[peer].resting_until = context_.now + rest;
  if (Peer* receiver = context_.find(peer)) context_.census.not_taken(*receiver, segment);
}

}  // namespace ezio
