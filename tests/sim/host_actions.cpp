// Host's switch over actions, its disk and its hash.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bt/frame/frame.hpp"
#include "sim/bytes.hpp"
#include "sim/host.hpp"
#include "sim/world.hpp"

namespace ezio::sim {
namespace {

constexpr double hash_bytes_per_second = 800e6;
constexpr double unpack_bytes_per_second = 1000e6;
constexpr std::size_t reserved_at = 20;  // in a handshake (BEP 3)

std::string describe(const IoStatus& status) {
  if (status.ok()) return {};
  return fmt::format("at byte {} of the device: errno {}", status.device_offset, status.error);
}

}  // namespace

struct Host::Run {
  Host& host;
  std::size_t index;
  Torrent& torrent;

  const Image& image() const { return *torrent.job.image; }
  Connection* find(PeerHandle peer) const {
    auto found = torrent.connections.find(peer);
    if (found != torrent.connections.end()) return found->second.get();
    host.violation(fmt::format("an action names peer {}, who is not connected", peer.value()));
    return nullptr;
  }
  Bytes truth(const SegmentRef& segment) const {
    const Geometry shape = image().geometry();
    return image().truth(shape.segment_offset(segment), shape.segment_size(segment));
  }
  BufferUse whole_segment(BufferUse::Kind kind, const SegmentRef& segment, TargetIndex target = {}) const {
    return {kind, static_cast<std::uint32_t>(index), {}, 0, image().geometry().segment_size(segment), target};
  }
  std::size_t position(const SegmentRef& segment) const {
    return std::size_t{segment.piece.value()} * image().geometry().segment_count(PieceIndex{0}) +
           segment.segment;
  }
  void not_finished(const char* what) const {
    if (torrent.outcome) host.violation(fmt::format("{} after Finished", what));
  }
  Target& target_for(const char* what, TargetIndex named) const {
    not_finished(what);
    Target& target = torrent.targets.at(named.value());
    if (target.failure) host.violation(fmt::format("{} for a target that has failed", what));
    return target;
  }

  void operator()(const Connect& action) const {
    not_finished("Connect");
    if (host.all_connections() >= host.config_.most_connections) {
      host.world_.clock.after(Duration{}, [&h = host, i = index, peer = action.peer] {
        h.deliver(i, PeerDisconnected{peer, "enough connections"});
      });
      return;
    }
    auto connection = std::make_shared<Connection>(static_cast<ConnectionUser&>(host), host.shrink_);
    connection->torrent = static_cast<std::uint32_t>(index);
    connection->peer = action.peer;
    connection->attached = true;
    connection->set_limits({torrent.swarm->stats().pieces, Uploader::largest_request});
    if (!torrent.connections.emplace(action.peer, connection)) host.violation("a handle used twice");
    connection->attach(host.world_.network.dial(host.node_, action.remote, *connection));
  }
  void operator()(const Close& action) const {
    const bool never_dialled =
        host.config_.most_connections <= host.all_connections() && !torrent.connections.contains(action.peer);
    if (never_dialled) return;
    if (Connection* connection = find(action.peer)) {
      const auto self = connection->shared_from_this();
      self->close();
      host.forget(*self);
    }
  }
  void operator()(Send& action) const {
    not_finished("Send");
    Connection* connection = find(action.peer);
    if (connection == nullptr) return;
    const bool handshake =
        wire::may_be_handshake(action.bytes) && action.bytes.size() >= wire::handshake_bytes;
    if (handshake && host.config_.without_fast) action.bytes[reserved_at + 7] = std::byte{0};
    if (handshake && host.config_.without_extensions) action.bytes[reserved_at + 5] = std::byte{0};
    connection->end().send(std::move(action.bytes));
  }
  void operator()(const SendBlock& action) const {
    not_finished("SendBlock");
    Connection* connection = find(action.peer);
    if (connection == nullptr) return;
    const MutableBytes bytes = host.memory(index, action.buffer, action.buffer_offset, action.span.length);
    const Transfer transfer{action.buffer,
                            {BufferUse::Kind::send,
                             static_cast<std::uint32_t>(index),
                             action.peer,
                             action.buffer_offset,
                             action.buffer_offset + action.span.length,
                             {}},
                            action.span};
    host.use(transfer.buffer, transfer.use);
    torrent.sending[action.peer].push_back(transfer);
    wire::Buffer header;
    wire::append_piece_header(header, action.span, action.frame_id);
    connection->end().send(std::move(header));
    const bool corrupted = host.config_.corrupts && host.config_.corrupts(host.blocks_sent_);
    ++host.blocks_sent_;
    // What is passed on before it is verified may be wrong, and so may what a disk that lies gives back.
    const bool is_true =
        torrent.swarm->verified(action.span.piece) && !torrent.lies() && action.span.frame == 0;
    const Bytes truth = is_true ? image().truth(image().offset_of(action.span), action.span.length) : Bytes();
    connection->end().send_payload({bytes, truth, action.span.length, host.shrink_, corrupted});
  }
  void operator()(const ReceivePayload& action) const {
    Connection* connection = find(action.peer);
    if (connection == nullptr) return;
    if (!connection->waits_for_destination()) {
      host.violation("ReceivePayload without a block header");
    } else if (!action.buffer) {
      connection->drop_payload();
    } else {
      const Transfer transfer{*action.buffer,
                              {BufferUse::Kind::fill_from_peer,
                               static_cast<std::uint32_t>(index),
                               action.peer,
                               action.buffer_offset,
                               action.buffer_offset + action.span.length,
                               {}},
                              action.span};
      host.use(transfer.buffer, transfer.use);
      torrent.receiving[action.peer] = transfer;
      connection->receive_payload(
          host.memory(index, *action.buffer, action.buffer_offset, action.span.length));
    }
  }
  void begin(Target& target, std::uint64_t token, const Transfer& transfer) const {
    host.use(transfer.buffer, transfer.use);
    if (!target.disk_requests.emplace(token, transfer).second)
      host.violation("the same is asked of a disk twice at once");
  }
  void operator()(const ReadSegment& action) const {
    Target& target = target_for("ReadSegment", action.target);
    const std::uint64_t token = disk_token(DiskWork::read, action.segment);
    const Transfer transfer{
        action.buffer, whole_segment(BufferUse::Kind::fill_from_disk, action.segment), {}};
    begin(target, token, transfer);
    ++torrent.reads;
    target.storage().read(token, image().geometry().segment_offset(action.segment),
                          host.memory(index, action.buffer, 0, transfer.use.end));
  }
  void operator()(const ReadFrame& action) const {
    Target& target = target_for("ReadFrame", TargetIndex{});
    const std::uint64_t token = disk_token(DiskWork::read_to_pack, action.segment);
    const Transfer transfer{action.plain, whole_segment(BufferUse::Kind::fill_from_disk, action.segment), {}};
    begin(target, token, transfer);
    host.use(action.frame, transfer.use);
    torrent.packing.insert_or_assign(action.segment, action);
    ++torrent.reads;
    target.storage().read(token, image().geometry().segment_offset(action.segment),
                          host.memory(index, action.plain, 0, transfer.use.end));
  }
  void operator()(const UnpackFrame& action) const {
    not_finished("UnpackFrame");
    const BufferUse reads = whole_segment(BufferUse::Kind::hash, action.segment);
    const BufferUse fills = whole_segment(BufferUse::Kind::fill_from_disk, action.segment);
    host.use(action.frame, reads);
    host.use(action.plain, fills);
    Clock& clock = host.world_.clock;
    host.packer_free_ =
        std::max(clock.now(), host.packer_free_) + seconds_of(fills.end / unpack_bytes_per_second);
    clock.at(host.packer_free_, [&h = host, i = index, action, reads, fills] {
      if (!h.alive_) return;
      const Image& image = *h.torrents_[i].job.image;
      const bool good = image.unpack(h.memory(i, action.frame, 0, action.frame_bytes),
                                     image.geometry().segment_offset(action.segment),
                                     h.memory(i, action.plain, 0, fills.end));
      h.watch_.end(action.frame, reads);
      h.watch_.end(action.plain, fills);
      h.deliver(i, FrameUnpacked{action.segment, good});
    });
  }
  void operator()(const WriteSegment& action) const {
    Target& target = target_for("WriteSegment", action.target);
    const std::uint64_t token = disk_token(DiskWork::write, action.segment);
    const Transfer transfer{
        action.buffer, whole_segment(BufferUse::Kind::write, action.segment, action.target), {}};
    begin(target, token, transfer);
    const Bytes bytes = host.memory(index, action.buffer, 0, transfer.use.end);
    if (!same_bytes(bytes, truth(action.segment))) {
      host.violation("a segment is written with wrong bytes");
    }
    if (target.written[position(action.segment)]) host.violation("a segment is written twice");
    target.written[position(action.segment)] = true;
    target.storage().write(token, image().geometry().segment_offset(action.segment), bytes);
  }
  void operator()(const InspectSegment& action) const {
    Target& target = target_for("InspectSegment", action.target);
    const std::uint64_t token = disk_token(DiskWork::inspect, action.segment);
    const Transfer transfer{
        action.buffer, whole_segment(BufferUse::Kind::fill_from_disk, action.segment), {}};
    begin(target, token, transfer);
    // It may have to be written once more, to all.
    for (Target& written : torrent.targets) written.written[position(action.segment)] = false;
    target.storage().read(token, image().geometry().segment_offset(action.segment),
                          host.memory(index, action.buffer, 0, transfer.use.end));
  }
  void operator()(const InspectHole& action) const {
    const Geometry shape = image().geometry();
    Storage& storage = target_for("InspectHole", action.target).storage();
    const bool hole = storage.is_hole(shape.piece_offset(action.piece), shape.piece_size(action.piece));
    host.world_.clock.after(Duration{}, [&h = host, i = index, action, hole] {
      h.deliver(i, HoleInspected{action.piece, hole, action.target});
    });
  }
  void operator()(const ZeroPiece& action) const {
    const Geometry shape = image().geometry();
    target_for("ZeroPiece", action.target)
        .storage()
        .zero(disk_token(DiskWork::zero, {action.piece, 0}), shape.piece_offset(action.piece),
              shape.piece_size(action.piece));
  }
  void operator()(const HashSegment& action) const {
    not_finished("HashSegment");
    const BufferUse use{BufferUse::Kind::hash, static_cast<std::uint32_t>(index),    {},
                        action.buffer_offset,  action.buffer_offset + action.length, {}};
    host.use(action.buffer, use);
    Clock& clock = host.world_.clock;
    host.hasher_free_ =
        std::max(clock.now(), host.hasher_free_) + seconds_of(action.length / hash_bytes_per_second);
    clock.at(host.hasher_free_, [&h = host, i = index, action, use] {
      if (!h.alive_) return;
      const HashToken token{static_cast<std::uint32_t>(i), action.piece, action.inspected};
      Sha1State& state = h.torrents_[i].hashes[token];
      if (action.first) state = Sha1State{};
      Sha1Input input{&state, h.memory(i, action.buffer, action.buffer_offset, action.length)};
      sha1_update(Sha1Kind::openssl, {&input, 1});
      h.watch_.end(action.buffer, use);
      h.deliver(
          i, SegmentHashed{action.piece, action.last ? sha1_final(state) : Sha1Digest{}, action.inspected});
    });
  }
  void operator()(const Flush& action) const {
    target_for("Flush", action.target)
        .storage()
        .flush(disk_token(DiskWork::flush, {}),
               action.forget_cached ? Storage::Cached::forget : Storage::Cached::keep);
  }
  void operator()(const Conclude& action) const {
    target_for("Conclude", action.target);
    host.world_.clock.after(Duration{}, [&h = host, i = index, target = action.target] {
      h.deliver(i, Concluded{{}, target});
    });
  }
  void operator()(const Announce& action) const {
    World& world = host.world_;
    Endpoint source = world.address(host.node_);
    world.tracker.announce(action.request, source,
                           [&h = host, i = index, tracker = action.tracker](Result<AnnounceReply> reply) {
                             if (!h.alive_) return;
                             if (reply) {
                               h.deliver(i, AnnounceSucceeded{tracker, std::move(*reply)});
                             } else {
                               h.deliver(i, AnnounceFailed{tracker, reply.error().message});
                             }
                           });
  }
  void operator()(const Completed&) const {
    not_finished("Completed");
    if (torrent.completed_at) host.violation("Completed twice");
    torrent.completed_at = host.world_.clock.now();
    for (const Target& target : torrent.targets) {
      if (target.failure) continue;
      if (!target.disk->holds_truth()) host.violation("Completed with wrong bytes on the disk");
      if (!target.disk->durable()) host.violation("Completed before the disk was flushed");
    }
  }
  void operator()(const TargetFailed& action) const {
    target_for("TargetFailed", action.target).failure = action.message;
  }
  void operator()(const Finished& action) const {
    not_finished("Finished");
    torrent.outcome = action.outcome;
    torrent.finished_at = host.world_.clock.now();
    torrent.message = action.message;
    if (action.outcome == SwarmOutcome::complete && !torrent.completed_at && !torrent.job.seeding) {
      host.violation("Finished as complete without Completed");
    }
  }
  void operator()(const Note& action) const { host.notes_.push_back(action.text); }
};

void Host::deliver(std::size_t index, const Event& event) {
  if (!alive_) return;
  Torrent& torrent = torrents_[index];
  Actions actions = std::exchange(actions_, {});
  torrent.swarm->handle(event, world_.clock.now(), actions);
  for (Action& action : actions) {
    world_.trace.add(node_.value(), world_.clock.now(), action);
    std::visit(Run{*this, index, torrent}, action);
  }
  actions.clear();
  actions_ = std::move(actions);
  if (pool_->take_freed()) {
    world_.clock.after(Duration{}, [this] {
      for (std::size_t i = 0; i < torrents_.size(); ++i) deliver(i, BuffersAvailable{});
    });
  }
}

MutableBytes Host::memory(std::size_t index, BufferId buffer, std::uint32_t offset, std::uint32_t length) {
  const std::size_t begin = (std::size_t{buffer.value()} * plan_.buffer_bytes + offset) / shrink_;
  return MutableBytes(arena_).subspan(begin, torrents_[index].job.image->stored(length));
}

void Host::use(BufferId buffer, const BufferUse& use) {
  if (const auto problem = watch_.begin(buffer, use)) violation(*problem);
}

void Host::on_disk(const IoCompletion& completion) {
  if (!alive_) return;
  const auto [index, target_index] = storage_owner(completion.owner);
  Target& target = torrents_[index].targets[target_index.value()];
  const SegmentRef segment = token_segment(completion.token);
  const DiskWork work = token_work(completion.token);
  if (work == DiskWork::flush) {
    deliver(index, Flushed{describe(completion.status), target_index});
    return;
  }
  if (work == DiskWork::zero) {
    deliver(index, PieceZeroed{segment.piece, describe(completion.status), target_index});
    return;
  }
  const Transfer transfer = target.disk_requests.at(completion.token);
  target.disk_requests.erase(completion.token);
  watch_.end(transfer.buffer, transfer.use);
  if (work == DiskWork::read_to_pack) return pack(index, segment, completion.status);
  if (work == DiskWork::read) {
    deliver(index, SegmentRead{segment, describe(completion.status), target_index});
  } else if (work == DiskWork::inspect) {
    deliver(index, SegmentInspected{segment, describe(completion.status), target_index});
  } else {
    deliver(index, SegmentWritten{segment, describe(completion.status), target_index});
  }
}

// What was read for it.
void Host::pack(std::size_t index, SegmentRef segment, const IoStatus& status) {
  Torrent& torrent = torrents_[index];
  const ReadFrame asked = torrent.packing.at(segment);
  torrent.packing.erase(segment);
  const Image& image = *torrent.job.image;
  const std::uint32_t size = image.geometry().segment_size(segment);
  const BufferUse fills{
      BufferUse::Kind::fill_from_disk, static_cast<std::uint32_t>(index), {}, 0, size, TargetIndex{}};
  if (!status.ok()) {
    watch_.end(asked.frame, fills);
    return deliver(index, FrameRead{segment, {}, describe(status), {}});
  }
  const Duration took = seconds_of(size / config_.pack_bytes_per_second);
  packer_free_ = std::max(world_.clock.now(), packer_free_) + took;
  world_.clock.at(packer_free_, [this, index, asked, fills, size, took] {
    if (!alive_) return;
    SegmentFrame frame;
    auto bytes = static_cast<std::uint32_t>(size * config_.frame_share);
    if (shrink_ != no_shrink) bytes = (bytes + shrink_ - 1) / shrink_ * shrink_;
    if (bytes <= largest_frame_bytes(size)) {
      const MutableBytes packed = memory(index, asked.frame, 0, bytes);
      Image::pack(memory(index, asked.plain, 0, size), packed);
      if (config_.packs_badly) packed[0] ^= std::byte{1};
      frame = {frame_id(packed), bytes};
    }
    watch_.end(asked.frame, fills);
    deliver(index, FrameRead{asked.segment, frame, {}, took});
  });
}

}  // namespace ezio::sim
