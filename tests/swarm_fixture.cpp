#include "swarm_fixture.hpp"

#include <algorithm>

#include "bt/metainfo/zero_pieces.hpp"

namespace ezio {
namespace {

constexpr std::byte our_id{0x50};

Metainfo make_metainfo(const DriverOptions& options) {
  Metainfo metainfo;
  metainfo.name = "image";
  metainfo.piece_length = options.piece_length;
  metainfo.total_length = std::uint64_t{options.pieces - 1} * options.piece_length + options.last_piece_bytes;
  metainfo.extents = {{0, metainfo.total_length}};
  for (std::uint32_t i = 0; i < options.pieces; ++i) {
    metainfo.piece_hashes.emplace_back().fill(static_cast<std::byte>(i + 1));
  }
  for (std::uint32_t piece : options.zeros) {
    metainfo.piece_hashes[piece] = zero_digest(metainfo.geometry().piece_size(PieceIndex{piece}));
  }
  metainfo.info_hash.bytes.fill(std::byte{0x77});
  return metainfo;
}

}  // namespace

Driver::Driver(DriverOptions options)
    : metainfo(make_metainfo(options)),
      own_pool(options.pool == nullptr ? std::make_optional<SegmentPool>(options.buffers) : std::nullopt),
      pool(own_pool ? *own_pool : *options.pool),
      concludes_(options.concludes) {
  options.config.id.bytes.fill(our_id);
  options.config.listen_port = 6881;
  options.config.limits.buffers = options.share;
  if (!options.looks_at_target) {
    options.config.reuse = Reuse::Mode::off;
    options.config.read_back = false;
  }
  swarm = std::make_unique<Swarm>(metainfo, pool, options.config, now);
}

Driver::~Driver() {
  event(StopRequested{});
}

void Driver::event(const Event& event) {
  Actions actions;
  swarm->handle(event, now, actions);
  std::vector<TargetIndex> concluding;
  for (Action& action : actions) {
    if (const auto* send = std::get_if<Send>(&action)) {
      hear(*send);
    } else if (const auto* close = std::get_if<Close>(&action)) {
      closed_[close->peer] = close->reason;
    } else {
      if (const auto* conclude = std::get_if<Conclude>(&action)) concluding.push_back(conclude->target);
      actions_.push_back(std::move(action));
    }
  }
  if (!concludes_) return;
  for (TargetIndex target : concluding) this->event(Concluded{{}, target});
}

void Driver::hear(const Send& send) {
  Ear& ear = heard_[send.peer];
  if (!ear.decoder) ear.decoder.emplace(wire::Limits{metainfo.geometry().piece_count(), max_segment_bytes});
  Bytes rest = send.bytes;
  const std::size_t missing = std::min(rest.size(), wire::handshake_bytes - ear.handshake.size());
  ear.handshake.insert(ear.handshake.end(), rest.begin(),
                       rest.begin() + static_cast<std::ptrdiff_t>(missing));
  rest = rest.subspan(missing);
  while (!rest.empty()) {
    wire::Decoder::Step step = ear.decoder->feed(rest).value();
    rest = rest.subspan(step.consumed);
    if (step.message) ear.messages.push_back(std::move(*step.message));
  }
}

void Driver::pass(Duration time) {
  for (const TimePoint end = now + time; now < end;) {
    now += tick_interval;
    event(Tick{});
  }
}

wire::Handshake Driver::handshake(const Guest& guest) const {
  wire::Handshake handshake;
  handshake.info_hash = metainfo.info_hash;
  handshake.peer_id.bytes[0] = static_cast<std::byte>(guest.id);
  handshake.fast = guest.fast;
  handshake.extensions = guest.extensions;
  return handshake;
}

PeerHandle Driver::accept(const Guest& guest) {
  const PeerHandle peer = swarm->new_handle();
  Endpoint remote;
  remote.address = {10, 0, 0, next_guest_++};
  remote.port = 40000;
  wire::Handshake hello = handshake(guest);
  hello.peer_id.bytes[1] = static_cast<std::byte>(next_guest_);
  event(PeerAccepted{peer, remote, hello});
  return peer;
}

void Driver::say_pieces(PeerHandle peer, const std::vector<std::uint32_t>& pieces) {
  Bitfield bits(metainfo.geometry().piece_count());
  for (std::uint32_t piece : pieces) bits.set(PieceIndex{piece});
  const Bytes bytes = bits.to_wire();
  say(peer, wire::BitfieldPayload{{bytes.begin(), bytes.end()}});
}

PeerHandle Driver::seed(const Guest& guest) {
  const PeerHandle peer = accept(guest);
  std::vector<std::uint32_t> all;
  for (std::uint32_t i = 0; i < metainfo.geometry().piece_count(); ++i) all.push_back(i);
  say_pieces(peer, all);
  say(peer, wire::Unchoke{});
  return peer;
}

PeerHandle Driver::kin(const std::vector<std::uint32_t>& pieces) {
  const PeerHandle peer = accept();
  say_pieces(peer, pieces);
  wire::ExtensionHandshake hello;
  hello.largest_request = 1 * MiB;
  hello.notice_id = wire::our_notice_id;
  say(peer, hello);
  say(peer, wire::Unchoke{});
  return peer;
}

std::vector<SegmentRef> Driver::told(PeerHandle peer, wire::SegmentNotice::What what) {
  std::vector<SegmentRef> segments;
  std::erase_if(heard_[peer].messages, [&](const wire::Message& message) {
    const auto* notice = std::get_if<wire::SegmentNotice>(&message);
    const bool wanted = notice != nullptr && notice->what == what;
    if (wanted) segments.push_back(notice->segment);
    return wanted;
  });
  return segments;
}

ReceivePayload Driver::send_block(PeerHandle peer, const BlockSpan& span) {
  event(BlockHeaderReceived{peer, span});
  const ReceivePayload receive = take<ReceivePayload>().at(0);
  event(BlockReceived{peer, span});
  return receive;
}

void Driver::serve_all(PeerHandle peer) {
  for (auto requests = heard<wire::Request>(peer); !requests.empty(); requests = heard<wire::Request>(peer)) {
    for (const wire::Request& request : requests) send_block(peer, request.span);
  }
}

void Driver::finish_hashing(bool right) {
  for (auto asked = take<HashSegment>(); !asked.empty(); asked = take<HashSegment>()) {
    for (const HashSegment& hash : asked) {
      Sha1Digest digest{};
      if (hash.last && right) digest = metainfo.piece_hashes[hash.piece.value()];
      event(SegmentHashed{hash.piece, digest, hash.inspected});
    }
  }
}

void Driver::finish_writes(const std::string& error) {
  for (const WriteSegment& write : take<WriteSegment>())
    event(SegmentWritten{write.segment, error, write.target});
}

void Driver::finish_reads(const std::string& error) {
  for (const ReadSegment& read : take<ReadSegment>()) event(SegmentRead{read.segment, error, read.target});
}

void Driver::inspect(const Holds& right) {
  while (true) {
    const auto reads = take<InspectSegment>();
    const auto holes = take<InspectHole>();
    const auto hashes = take<HashSegment>();
    if (reads.empty() && holes.empty() && hashes.empty()) return;
    for (const InspectHole& hole : holes) event(HoleInspected{hole.piece, false, hole.target});
    for (const InspectSegment& read : reads) event(SegmentInspected{read.segment, {}, read.target});
    for (const HashSegment& hash : hashes) {
      const bool is_right = !hash.inspected || right(*hash.inspected, hash.piece.value());
      const Sha1Digest& truth = metainfo.piece_hashes[hash.piece.value()];
      event(SegmentHashed{hash.piece, is_right ? truth : Sha1Digest{}, hash.inspected});
    }
  }
}

std::optional<std::string> Driver::closed(PeerHandle peer) const {
  const auto found = closed_.find(peer);
  if (found == closed_.end()) return std::nullopt;
  return found->second;
}

void Driver::forget_all() {
  actions_.clear();
  for (auto& [peer, ear] : heard_) ear.messages.clear();
}

}  // namespace ezio
