// Swarm's dealings with peers: meeting them, their messages, parting.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>

#include "bt/base/version.hpp"
#include "bt/swarm/swarm.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr Duration answer_pause = 2s;  // who has said nothing for so long answers a keepalive
constexpr Duration idle_grace = 10s;   // what was of no use for so long makes room for anybody

// What nobody has to say who neither takes nor gives blocks.
bool begins_exchange(const wire::Message& message) {
  return std::holds_alternative<wire::Unchoke>(message) ||
         std::holds_alternative<wire::Interested>(message) || std::holds_alternative<wire::Request>(message);
}

}  // namespace

// ---------------------------------------------------------------- meeting

Peer& Swarm::add_peer(PeerHandle handle, const Endpoint& remote, bool incoming) {
  Peer& peer = context_.peers[handle];
  peer.handle = handle;
  peer.remote = remote;
  peer.incoming = incoming;
  peer.since = peer.last_heard = peer.last_said = context_.now;
  peer.pieces.have = Bitfield(context_.have.size());
  return peer;
}

void Swarm::greet(Peer& peer) {
  peer.state = Peer::State::handshaking;
  peer.since = context_.now;
  const auto bytes = wire::encode_handshake({metainfo_.info_hash, config_.id, true, true});
  wire::Buffer& out = context_.out(peer);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void Swarm::on(const PeerConnected& event) {
  Peer* peer = context_.find(event.peer);
  if (peer != nullptr) greet(*peer);
}

void Swarm::on(const PeerAccepted& event) {
  Peer& peer = add_peer(event.peer, event.remote, true);
  if (finished() || (context_.peers.size() > most_peers() && !make_room())) {
    context_.doom(peer, finished() ? "finished" : "enough peers");
    return;
  }
  if (!admit(peer, event.handshake)) return;
  greet(peer);
  introduce(peer);
}

void Swarm::on(const HandshakeReceived& event) {
  Peer* peer = context_.find(event.peer);
  if (peer == nullptr || !admit(*peer, event.handshake)) return;
  introduce(*peer);
}

bool Swarm::admit(Peer& peer, const wire::Handshake& handshake) {
  peer.id = handshake.peer_id;
  peer.fast = handshake.fast;
  peer.extensions = handshake.extensions;
  if (handshake.info_hash != metainfo_.info_hash) {
    context_.doom(peer, "handshake names another torrent");
    return false;
  }
  if (peer.id == config_.id) {
    if (!peer.incoming) candidates_.bar(peer.remote);
    context_.doom(peer, "connected to ourselves");
    return false;
  }
  Endpoint known = peer.remote;
  if (peer.incoming) known.port = 0;  // where it listens it has not said yet
  const bool may_be_another = peer.incoming && peer.extensions && !bans_.address_banned(known);
  if (bans_.banned(known) && !may_be_another) {
    context_.doom(peer, "banned");
    return false;
  }
  peer.must_name_port = bans_.banned(known);
  return keep_over_duplicate(peer);
}

// Where all places are taken, one who has had his for a while and neither given nor taken anything goes.
bool Swarm::make_room() {
  const Peer* idle = nullptr;
  for (const auto& [handle, peer] : context_.peers) {
    const bool used = peer.requests.rate.total() + peer.uploads.rate.total() > 0;
    if (used || context_.now - peer.since < idle_grace) continue;
    if (idle == nullptr || peer.since < idle->since) idle = &peer;
  }
  if (idle == nullptr) return false;
  context_.doom(*idle, "makes room");
  return true;
}

void Swarm::introduce(Peer& peer) {
  peer.state = Peer::State::active;
  peer.since = peer.last_heard = peer.requests.last_payload = context_.now;
  wire::Buffer& out = context_.out(peer);
  if (peer.fast && context_.have.all()) {
    wire::append_have_all(out);
  } else if (peer.fast && context_.have.none()) {
    wire::append_have_none(out);
  } else if (!context_.have.none()) {
    wire::append_bitfield(out, context_.have);
  }
  if (!peer.extensions) return;
  wire::ExtensionHandshake hello;
  hello.request_queue = Uploader::request_queue;
  hello.largest_request = Uploader::largest_request;
  hello.listen_port = config_.listen_port;
  hello.notice_id = wire::our_notice_id;
  if (config_.frames != FramePolicy::Mode::never) hello.frame_id = wire::our_frame_id;
  hello.client = client_name;
  hello.upload_only = context_.have.all();
  wire::append_extension_handshake(out, hello);
}

// ---------------------------------------------------------------- parting

void Swarm::on(const PeerDisconnected& event) {
  if (context_.find(event.peer) != nullptr) close(event.peer, event.reason, false, false);
}

std::optional<Endpoint> Swarm::dialable(const Peer& peer) const {
  if (!peer.incoming) return peer.remote;
  if (!peer.listen_port) return std::nullopt;
  Endpoint endpoint = peer.remote;
  endpoint.port = *peer.listen_port;
  return endpoint;
}

void Swarm::remember_closed(const Peer& peer, bool ban) {
  const std::optional<Endpoint> endpoint = dialable(peer);
  if (ban) {
    Endpoint unnamed = peer.remote;
    unnamed.port = 0;
    bans_.add(endpoint.value_or(unnamed));
  }
  if (!endpoint) return;
  const bool useless = state_ == State::complete && peer.pieces.have.all();
  if (ban) {
    candidates_.bar(*endpoint);
  } else if (useless) {
    candidates_.give_up(*endpoint, context_.now);
  } else if (peer.active() && peer.requests.rate.total() + peer.uploads.rate.total() > 0) {
    candidates_.closed(*endpoint, context_.now);
  } else {
    candidates_.failed(*endpoint, context_.now);
  }
}

void Swarm::close(PeerHandle handle, const std::string& reason, bool ban, bool tell_driver) {
  Peer* peer = context_.find(handle);
  if (peer == nullptr) return;  // doomed twice
  // First the driver lets go of the peer's buffers, then they may be used for something else.
  if (tell_driver) context_.emit(Close{handle, reason});
  if (ban) context_.emit(Note{fmt::format("banned peer {}: {}", to_string(peer->remote), reason)});
  requests_.peer_gone(*peer);
  uploader_.peer_gone(*peer);
  planner_.peer_gone(handle);
  blame_.peer_gone(handle);
  context_.census.gone(*peer);
  remember_closed(*peer, ban);
  closed_down_ += peer->requests.rate.total();
  closed_up_ += peer->uploads.rate.total();
  context_.peers.erase(handle);
}

// ---------------------------------------------------------------- blocks

void Swarm::on(const BlockHeaderReceived& event) {
  Peer* peer = context_.find(event.peer);
  if (peer == nullptr) return;
  peer->heard(context_.now);
  requests_.on_block_header(*peer, event.span);
}

void Swarm::on(const BlockProgress& event) {
  Peer* peer = context_.find(event.peer);
  if (peer == nullptr) return;
  peer->heard(context_.now);
  requests_.on_block_progress(*peer, event.bytes);
}

void Swarm::on(const BlockReceived& event) {
  Peer* peer = context_.find(event.peer);
  if (peer == nullptr) return;
  peer->heard(context_.now);
  if (PieceDownload* download = requests_.on_block_received(*peer, event.span)) {
    store_.received(*download);
    uploader_.pump_all();  // who is being passed it on waits for it
  }
  requests_.fill(*peer);
}

void Swarm::on(const BlockSent& event) {
  Peer* peer = context_.find(event.peer);
  if (peer == nullptr) return;
  peer->last_said = context_.now;
  planner_.on_sent(event.peer, event.span);
  uploader_.on_sent(*peer, event.span);
}

// ---------------------------------------------------------------- messages

struct Swarm::MessageHandler {
  Swarm& swarm;
  Peer& peer;

  void violation(const char* what) const { swarm.context_.doom(peer, what); }
  bool valid(PieceIndex piece) const {
    if (swarm.context_.geometry.contains(piece)) return true;
    violation("named a piece that does not exist");
    return false;
  }
  void learned_pieces() const {
    if (swarm.context_.have.all() && peer.pieces.have.all() && swarm.state_ == State::complete) {
      swarm.context_.doom(peer, "both complete");
      return;
    }
    swarm.update_interest(peer);
    swarm.requests_.fill(peer);
  }
  void pieces_at_once(Bitfield pieces) const {
    if (peer.pieces.told) {
      violation("told its pieces twice");
      return;
    }
    swarm.context_.census.told(peer, std::move(pieces));
    learned_pieces();
  }

  void operator()(const wire::KeepAlive&) const {
    if (peer.ours() && swarm.context_.now - peer.last_said > answer_pause) {
      wire::append_keep_alive(swarm.context_.out(peer));
    }
  }
  void operator()(const wire::Choke&) const {
    peer.choking_us = true;
    swarm.requests_.on_choke(peer);
  }
  void operator()(const wire::Unchoke&) const {
    peer.choking_us = false;
    swarm.requests_.fill(peer);
  }
  void operator()(const wire::Interested&) const {
    peer.interested_in_us = true;
    if (peer.we_are_choking) swarm.update_choking();
  }
  void operator()(const wire::NotInterested&) const { peer.interested_in_us = false; }
  void operator()(const wire::Have& have) const {
    if (!valid(have.piece)) return;
    swarm.context_.census.has(peer, have.piece);
    swarm.planner_.on_over(peer.handle, have.piece);
    const bool news = peer.pieces.have.all() || !swarm.context_.have.test(have.piece);
    if (news) learned_pieces();
  }
  void operator()(const wire::BitfieldPayload& payload) const {
    Result<Bitfield> pieces = Bitfield::from_wire(payload.bytes, swarm.context_.have.size());
    if (!pieces) {
      violation("sent a malformed bitfield");
      return;
    }
    pieces_at_once(std::move(*pieces));
  }
  void operator()(const wire::HaveAll&) const {
    Bitfield pieces(swarm.context_.have.size());
    pieces.set_all();
    fast_only() ? pieces_at_once(std::move(pieces)) : violation("used the fast extension unasked");
  }
  void operator()(const wire::HaveNone&) const {
    fast_only() ? pieces_at_once(Bitfield(swarm.context_.have.size()))
                : violation("used the fast extension unasked");
  }
  bool fast_only() const { return peer.fast; }
  // Who takes frames may name them.
  bool may_name(const BlockSpan& span) const {
    if (span.frame == 0 || (peer.takes_frames() && config().frames != FramePolicy::Mode::never)) return true;
    violation("named a frame without taking any");
    return false;
  }
  const SwarmConfig& config() const { return swarm.config_; }
  void operator()(const wire::Request& request) const {
    if (!may_name(request.span)) return;
    swarm.planner_.on_request(peer.handle, request.span);
    swarm.uploader_.on_request(peer, request.span);
  }
  void operator()(const wire::Piece&) const { assert(false && "arrives as BlockHeaderReceived"); }
  void operator()(const wire::Cancel& cancel) const {
    if (may_name(cancel.span)) swarm.uploader_.on_cancel(peer, cancel.span);
  }
  void operator()(const wire::Reject& reject) const {
    if (may_name(reject.span)) swarm.requests_.on_reject(peer, reject.span);
  }
  void operator()(const wire::FrameOffer& offer) const {
    if (!may_name(offer.span)) return;
    const Geometry& geometry = swarm.context_.geometry;
    const bool segments = geometry.contains(offer.span) && offer.span.begin % geometry.segment_bytes() == 0;
    const SegmentRef segment = geometry.segment_of(offer.span);
    if (!segments || offer.span.length > largest_frame_bytes(geometry.segment_size(segment))) {
      return violation("offered a frame that is of no segment");
    }
    swarm.requests_.on_offer(peer, segment, {offer.span.frame, offer.span.length});
    swarm.planner_.note_change();
  }
  void operator()(const wire::Port&) const {}
  void operator()(const wire::SuggestPiece&) const {}
  void operator()(const wire::AllowedFast&) const {}
  void operator()(const wire::UnknownExtension&) const {}
  void operator()(const wire::SegmentNotice& notice) const {
    if (!peer.ours()) return violation("sent a notice without having asked for any");
    if (!swarm.context_.geometry.contains(notice.segment)) {
      return violation("named a segment that does not exist");
    }
    constexpr const char* too_much = "is being sent too many pieces at once";
    switch (notice.what) {
      case wire::SegmentNotice::What::offer:
        swarm.requests_.on_offer(peer, notice.segment);
        return swarm.planner_.note_change();  // it can be passed on
      case wire::SegmentNotice::What::decline:
        return swarm.planner_.on_decline(peer.handle, notice.segment);
      case wire::SegmentNotice::What::fetching:
        if (!swarm.context_.census.fetches(peer, notice.segment)) violation(too_much);
        return swarm.planner_.on_taken(peer.handle, notice.segment);
      case wire::SegmentNotice::What::received:
        if (!swarm.context_.census.received(peer, notice.segment)) violation(too_much);
        return swarm.planner_.on_over(peer.handle, notice.segment);
      case wire::SegmentNotice::What::dropped:
        swarm.context_.census.dropped(peer, notice.segment.piece);
        return swarm.planner_.on_over(peer.handle, notice.segment.piece);
    }
  }
  void tell_parts(const PieceDownload& download) const {
    using What = wire::SegmentNotice::What;
    for (std::uint32_t i = 0; i < download.segment_count(); ++i) {
      if (!download.begun(i)) continue;
      const bool whole = download.complete(i) && download.segment_count() > 1;
      swarm.context_.notify(peer, whole ? What::received : What::fetching, {download.piece(), i});
    }
  }
  void operator()(const wire::ExtensionHandshake& hello) const {
    if (hello.request_queue) peer.request_queue = std::clamp(*hello.request_queue, 1u, 4096u);
    if (hello.largest_request) {
      const std::uint32_t size = std::clamp(*hello.largest_request, block_bytes, Uploader::largest_request);
      peer.largest_request = std::bit_floor(size);
    }
    peer.client = hello.client;
    if (hello.frame_id) peer.frame_id = *hello.frame_id;
    if (hello.notice_id && !peer.ours()) {
      peer.notice_id = hello.notice_id;
      for (const auto& download : swarm.store_.filling()) tell_parts(*download);
      swarm.update_choking();
    }
    if (!hello.listen_port || *hello.listen_port == 0) {
      if (peer.must_name_port) violation("banned");
      return;
    }
    peer.listen_port = hello.listen_port;
    const std::optional<Endpoint> endpoint = swarm.dialable(peer);
    if (swarm.bans_.banned(*endpoint)) return violation("banned");
    peer.must_name_port = false;
    swarm.meet_again(peer);
    swarm.candidates_.in_use(*endpoint);
  }
};

void Swarm::on(const MessageReceived& event) {
  Peer* peer = context_.find(event.peer);
  if (peer == nullptr) return;
  peer->heard(context_.now);
  if (peer->must_name_port && begins_exchange(event.message)) {
    context_.doom(*peer, "banned");
    return;
  }
  std::visit(MessageHandler{*this, *peer}, event.message);
}

void Swarm::update_interest(Peer& peer) {
  const bool interested = requests_.interesting(peer);
  if (interested == peer.we_are_interested) return;
  peer.we_are_interested = interested;
  if (interested) {
    wire::append_interested(context_.out(peer));
  } else {
    wire::append_not_interested(context_.out(peer));
  }
}

}  // namespace ezio
