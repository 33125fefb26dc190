#include "bt/swarm/upload_planner.hpp"

#include <algorithm>
#include <tuple>

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr Duration answer_time = 3s;  // for an offer
constexpr Duration rest_declined = 50ms;
constexpr Duration rest_silent = 1s;
constexpr std::size_t least_load = 4;  // pieces on their way to a receiver that nobody adds to
constexpr double load_seconds = 0.25;  // of what it comes to have that may be on the way to a fast one

}  // namespace

UploadPlanner::UploadPlanner(SwarmContext& context, const PieceStore& store, std::uint64_t random_seed)
    : context_(context), store_(store), random_(random_seed) {}

void UploadPlanner::plan() {
  if (context_.over) return;
  while (has_room() && offer_one()) {
  }
}

bool UploadPlanner::has_room() const {
  double planned = 0;
  for (const Transfer& transfer : transfers_) {
    planned += planned_bytes(transfer);
  }
  for (const auto& [handle, peer] : context_.peers) {
    if (!peer.ours()) planned += peer.uploads.rate.per_second() * LinkPlan::horizon_seconds;
  }
  return uplink_.has_room(planned);
}

double UploadPlanner::planned_bytes(const Transfer& transfer) const {
  double left = transfer.left;
  if (const PieceDownload* download = store_.find(transfer.piece)) {
    // It leaves no faster than it comes.
    const double here = std::max(0.0, left - (download->size() - download->received_bytes()));
    const Peer* source = download->source ? context_.find(*download->source) : nullptr;
    const double rate = source != nullptr ? source->requests.rate.per_second() : 0;
    left = std::min(left, here + rate * LinkPlan::horizon_seconds);
  }
  return LinkPlan::planned_bytes(left, transfer.rate.per_second(), context_.now - transfer.since);
}

bool UploadPlanner::offer_one() {
  for (const Receiver& receiver : receivers()) {
    Peer& to = *receiver.peer;
    const auto piece = context_.census.rarity().rarest(
        Rarity::Set::held, [&](PieceIndex candidate) { return suits(to, candidate); });
    if (!piece) continue;
    transfers_.push_back({to.handle, *piece, context_.now, false, context_.geometry.piece_size(*piece), {}});
    last_ = to.handle;
    context_.census.offered(to, *piece);
    context_.notify(to, wire::PieceNotice::What::offer, *piece);
    return true;
  }
  return false;
}

// Those that could take a piece now, the one to be served first in front: one that gets nothing at all, then
// the one we have been sending to (a flow that goes on is at full speed, a new one is not), then the one with
// least on its way, then with least.
std::vector<UploadPlanner::Receiver> UploadPlanner::receivers() {
  std::vector<Receiver> found;
  for (auto& [handle, peer] : context_.peers) {
    if (!may_receive(peer)) continue;
    found.push_back({&peer, peer.pieces.coming.size(), handle != last_, peer.pieces.have.count(), random_()});
  }
  std::sort(found.begin(), found.end(), [](const Receiver& a, const Receiver& b) {
    const bool a_fed = a.load > 0;
    const bool b_fed = b.load > 0;
    return std::tie(a_fed, a.other, a.load, a.has, a.tie) < std::tie(b_fed, b.other, b.load, b.has, b.tie);
  });
  return found;
}

bool UploadPlanner::may_receive(const Peer& peer) const {
  if (!peer.active() || !peer.ours() || peer.we_are_choking || peer.pieces.have.all()) return false;
  const auto resting = resting_.find(peer.handle);
  if (resting != resting_.end() && context_.now < resting->second) return false;
  const auto most =
      std::max(least_load, static_cast<std::size_t>(peer.pieces.gained.per_second() * load_seconds));
  if (peer.pieces.coming.size() >= most) return false;
  // What we are sending it already has to be nearly done.
  double left = 0;
  for (const Transfer& transfer : transfers_) {
    if (transfer.to == peer.handle) left += transfer.left;
  }
  return left == 0 || left <= peer.uploads.rate.per_second() * LinkPlan::horizon_seconds;
}

bool UploadPlanner::suits(const Peer& peer, PieceIndex piece) const {
  if (!peer.pieces.lacks(piece)) return false;
  if (context_.have.test(piece)) return true;
  // On its way to us, from one sender and not from this peer: to be passed on as it comes, to one, who passes
  // it on in turn.
  const PieceDownload* download = store_.find(piece);
  return download != nullptr && download->source && download->source != peer.handle && !download->exclusive &&
         std::none_of(transfers_.begin(), transfers_.end(),
                      [&](const Transfer& t) { return t.piece == piece; });
}

UploadPlanner::Transfer* UploadPlanner::find(PeerHandle peer, PieceIndex piece) {
  const auto found = std::find_if(transfers_.begin(), transfers_.end(),
                                  [&](const Transfer& t) { return t.to == peer && t.piece == piece; });
  return found == transfers_.end() ? nullptr : &*found;
}

// ---------------------------------------------------------------- how transfers go on

void UploadPlanner::on_taken(PeerHandle peer, PieceIndex piece) {
  if (Transfer* transfer = find(peer, piece)) transfer->taken = true;
}

void UploadPlanner::on_sent(PeerHandle peer, const BlockSpan& span) {
  sent_bytes_ += span.length;
  Transfer* transfer = find(peer, span.piece);
  if (transfer == nullptr) return;
  transfer->left -= std::min(transfer->left, span.length);
  transfer->rate.add(span.length);
  if (transfer->left == 0) on_over(peer, span.piece);
}

void UploadPlanner::on_decline(PeerHandle peer, PieceIndex piece) {
  if (!offered(peer, piece)) return;
  end_untaken(peer, piece, rest_declined);
}

void UploadPlanner::on_over(PeerHandle peer, PieceIndex piece) {
  std::erase_if(transfers_, [&](const Transfer& t) { return t.to == peer && t.piece == piece; });
}

void UploadPlanner::peer_gone(PeerHandle peer) {
  std::erase_if(transfers_, [&](const Transfer& transfer) { return transfer.to == peer; });
  resting_.erase(peer);
}

void UploadPlanner::piece_gone(PieceIndex piece) {
  for (const Transfer& transfer : transfers_) {
    if (transfer.piece != piece) continue;
    if (Peer* receiver = context_.find(transfer.to)) context_.census.not_taken(*receiver, piece);
  }
  std::erase_if(transfers_, [&](const Transfer& transfer) { return transfer.piece == piece; });
}

void UploadPlanner::tick(Duration elapsed) {
  uplink_.tick(static_cast<double>(sent_bytes_), elapsed);
  sent_bytes_ = 0;
  for (Transfer& transfer : transfers_) transfer.rate.tick(elapsed);
  for (const Transfer& transfer : std::vector<Transfer>(transfers_)) {
    if (transfer.taken || context_.now - transfer.since <= answer_time) continue;
    end_untaken(transfer.to, transfer.piece, rest_silent);
  }
}

void UploadPlanner::end_untaken(PeerHandle peer, PieceIndex piece, Duration rest) {
  on_over(peer, piece);
  resting_[peer] = context_.now + rest;
  if (Peer* receiver = context_.find(peer)) context_.census.not_taken(*receiver, piece);
}

}  // namespace ezio
