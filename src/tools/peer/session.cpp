#include "tools/peer/session.hpp"

#include <boost/asio/post.hpp>
#include <random>

#include "bt/swarm/swarm_limits.hpp"
#include "disk/file_parts.hpp"
#include "tools/peer/random_peer_id.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

}  // namespace

// ---------------------------------------------------------------- actions

struct Session::Run {
  Session& session;
  std::uint32_t index;
  Torrent& torrent;

  Connection* find(PeerHandle peer) const {
    auto found = torrent.connections.find(peer);
    return found == torrent.connections.end() ? nullptr : found->second.get();
  }
  void flush_later(Connection& connection) const {
    session.to_flush_.push_back(connection.shared_from_this());
  }

  void operator()(const Connect& action) const {
    auto connection = session.make_connection(Connection::Socket(session.context_));
    connection->torrent = index;
    connection->peer = action.peer;
    connection->attached = true;
    connection->set_limits({torrent.swarm->stats().pieces, Uploader::largest_request});
    torrent.connections.emplace(action.peer, connection);
    connection->connect(action.remote);
  }
  void operator()(const Close& action) const {
    auto found = torrent.connections.find(action.peer);
    if (found == torrent.connections.end()) return;
    found->second->close();
    torrent.connections.erase(found);
  }
  void operator()(Send& action) const {
    Connection* connection = find(action.peer);
    if (connection == nullptr) return;
    connection->send(std::move(action.bytes));
    flush_later(*connection);
  }
  void operator()(const SendBlock& action) const {
    Connection* connection = find(action.peer);
    if (connection == nullptr) return;
    if (torrent.job.seeding && action.span.frame == 0 && session.in_files_[action.buffer.value()]) {
      send_from_files(*connection, action.span);
    } else {
      connection->send_block(
          action.span, session.arena_.buffer(action.buffer).subspan(action.buffer_offset, action.span.length),
          action.frame_id);
    }
    flush_later(*connection);
  }
  void send_from_files(Connection& connection, const BlockSpan& span) const {
    const std::uint64_t offset = geometry().piece_offset(span.piece) + span.begin;
    FileParts parts = source().file_parts(offset, span.length, span.length);
    if (parts.empty()) {
      session.reports_.push_back({index, SourceFailed{"a file of the source cannot be opened any more"}});
    } else {
      connection.send_block(span, std::move(parts));
    }
  }
  void operator()(const ReceivePayload& action) const {
    Connection* connection = find(action.peer);
    if (connection == nullptr) return;
    if (action.buffer) {
      connection->receive_payload(
          session.arena_.buffer(*action.buffer).subspan(action.buffer_offset, action.span.length));
    } else {
      connection->drop_payload();
    }
  }
  Geometry geometry() const { return torrent.job.metainfo.geometry(); }
  Storage& storage(TargetIndex target) const { return *torrent.job.targets[target.value()].storage; }
  Storage& source() const { return storage(TargetIndex{0}); }
  MutableBytes segment_bytes(SegmentRef segment, BufferId buffer) const {
    return session.arena_.buffer(buffer).first(geometry().segment_size(segment));
  }
  bool is_in_files(std::uint64_t offset, std::uint64_t length) const {
    const std::size_t most_parts = std::max<std::uint64_t>(length / least_mean_part_bytes, 1);
    const FileParts parts = source().file_parts(offset, length, most_parts);
    return !parts.empty() && in_page_cache(parts);
  }
  void operator()(const ReadSegment& action) const {
    const std::uint64_t offset = geometry().segment_offset(action.segment);
    const MutableBytes bytes = segment_bytes(action.segment, action.buffer);
    const bool cached = torrent.job.seeding && is_in_files(offset, bytes.size());
    session.in_files_[action.buffer.value()] = cached;
    if (cached) {
      session.reports_.push_back({index, SegmentRead{action.segment, {}, action.target}});
      return;
    }
    storage(action.target).read(disk_token(DiskWork::read, action.segment), offset, bytes);
    session.disk_touched_ = true;
  }
  void operator()(const ReadFrame& action) const {
    if (torrent.has_stored_frames()) return load_frame(action);
    torrent.packing.insert_or_assign(action.segment, action);
    source().read(disk_token(DiskWork::read_to_pack, action.segment),
                  geometry().segment_offset(action.segment), segment_bytes(action.segment, action.plain));
    session.disk_touched_ = true;
  }
  // A packed image's; what it holds as it is did not shrink.
  void load_frame(const ReadFrame& action) const {
    const std::uint64_t offset = geometry().segment_offset(action.segment);
    const auto stored = source().stored_frame(offset, geometry().segment_size(action.segment));
    if (stored) {
      session.frames_.load(frame_token({index, action.segment}), *stored,
                           session.arena_.buffer(action.frame));
    } else {
      session.reports_.push_back({index, FrameRead{action.segment, {}, {}, {}}});
    }
  }
  void operator()(const UnpackFrame& action) const {
    session.frames_.unpack(frame_token({index, action.segment}),
                           session.arena_.buffer(action.frame).first(action.frame_bytes),
                           segment_bytes(action.segment, action.plain));
  }
  void operator()(const WriteSegment& action) const {
    storage(action.target)
        .write(disk_token(DiskWork::write, action.segment), geometry().segment_offset(action.segment),
               segment_bytes(action.segment, action.buffer));
    session.disk_touched_ = true;
  }
  void operator()(const InspectSegment& action) const {
    storage(action.target)
        .read(disk_token(DiskWork::inspect, action.segment), geometry().segment_offset(action.segment),
              segment_bytes(action.segment, action.buffer));
    session.disk_touched_ = true;
  }
  void operator()(const InspectHole& action) const {
    const bool hole =
        storage(action.target)
            .is_hole(geometry().piece_offset(action.piece), geometry().piece_size(action.piece));
    session.reports_.push_back({index, HoleInspected{action.piece, hole, action.target}});
  }
  void operator()(const ZeroPiece& action) const {
    storage(action.target)
        .zero(disk_token(DiskWork::zero, {action.piece, 0}), geometry().piece_offset(action.piece),
              geometry().piece_size(action.piece));
    session.disk_touched_ = true;
  }
  void operator()(const HashSegment& action) const {
    const HashToken token{index, action.piece, action.inspected};
    HashStream& stream = torrent.hashes[token];
    if (action.first) stream = HashStream{};
    stream.last = action.last;
    session.hasher_.append(hash_token(token), stream.state,
                           session.arena_.buffer(action.buffer).subspan(action.buffer_offset, action.length),
                           action.last);
  }
  void operator()(const Flush& action) const {
    storage(action.target)
        .flush(disk_token(DiskWork::flush, {}),
               action.forget_cached ? Storage::Cached::forget : Storage::Cached::keep);
    session.disk_touched_ = true;
  }
  void operator()(const Conclude& action) const { session.conclude(index, action.target); }
  void operator()(const Announce& action) const { session.announce(index, action); }
  void operator()(const Completed&) const { session.observer_.on_completed(index); }
  void operator()(const Finished& action) const {
    session.observer_.on_finished(index, action.outcome, action.message);
  }
  void operator()(const TargetFailed& action) const { session.observer_.on_target_failed(index, action); }
  void operator()(const Note& action) const { session.observer_.on_note(index, action); }
};

void Session::deliver(std::uint32_t index, const Event& event) {
  Torrent& torrent = torrents_[index];
  Actions actions;
  torrent.swarm->handle(event, std::chrono::steady_clock::now(), actions);
  for (Action& action : actions) std::visit(Run{*this, index, torrent}, action);
  schedule_turn_end();
}

// Output and disk requests of all events that were ready together leave together.
void Session::schedule_turn_end() {
  if (turn_end_scheduled_) return;
  turn_end_scheduled_ = true;
  asio::post(context_, [this] { end_turn(); });
}

void Session::end_turn() {
  turn_end_scheduled_ = false;
  for (const auto& [torrent, event] : std::exchange(reports_, {})) deliver(torrent, event);
  if (std::exchange(disk_touched_, false)) disk_.submit();
  hasher_.submit();
  for (const auto& connection : std::exchange(to_flush_, {})) connection->flush();
  if (pool_.take_freed()) {
    for (std::uint32_t i = 0; i < torrents_.size(); ++i) deliver(i, BuffersAvailable{});
  }
  check_all_finished();
}

// ---------------------------------------------------------------- life

Session::Session(asio::io_context& context, SessionConfig config, Arena& arena, DiskEngine& disk,
                 std::vector<SessionTorrent> torrents, Observer observer)
    : context_(context),
      config_(std::move(config)),
      arena_(arena),
      disk_(disk),
      observer_(std::move(observer)),
      pool_(config_.memory.buffers),
      in_files_(config_.memory.buffers),
      hasher_(0, sha1_default_kind()),
      frames_(0, config_.frame_level),
      http_(context.get_executor(), config_.ca_file),
      acceptor_(context),
      tick_timer_(context),
      farewell_timer_(context),
      disk_events_(context, ::dup(disk.event_fd())),
      hash_events_(context, ::dup(hasher_.event_fd())),
      frame_events_(context, ::dup(frames_.event_fd())) {
  if (config_.upload_limit) upload_limit_.emplace(context.get_executor(), *config_.upload_limit);
  if (config_.download_limit) download_limit_.emplace(context.get_executor(), *config_.download_limit);
  open_listener(config_.listen);
  const Endpoint listening = listen_endpoint();
  std::random_device random;
  const PeerId id = random_peer_id();
  torrents_.reserve(torrents.size());
  for (SessionTorrent& job : torrents) {
    Torrent& torrent = torrents_.emplace_back();
    torrent.job = std::move(job);
    SwarmConfig swarm;
    swarm.id = id;
    swarm.listen_port = listening.port;
    swarm.torrent = static_cast<std::uint32_t>(torrents_.size() - 1);
    swarm.seeding = torrent.job.seeding;
    swarm.linger = torrent.job.linger;
    swarm.reuse = config_.reuse;
    swarm.read_back = config_.read_back;
    swarm.frames = config_.frames;
    swarm.packing_threads = torrent.has_stored_frames() ? 0 : frames_.threads();
    swarm.targets.clear();
    for (const SessionTarget& target : torrent.job.targets) swarm.targets.push_back(target.storage->traits());
    torrent.conclusions.resize(torrent.job.targets.size());
    swarm.start_timeout = config_.start_timeout;
    swarm.stall_timeout = config_.stall_timeout;
    swarm.random_seed = (std::uint64_t{random()} << 32) | random();
    swarm.limits = swarm_limits(config_.memory);
    swarm.trackers = torrent.job.trackers;
    swarm.peers = config_.peers;
    torrent.swarm = std::make_unique<Swarm>(torrent.job.metainfo, pool_, std::move(swarm),
                                            std::chrono::steady_clock::now());
  }
}

Session::~Session() {
  for (Torrent& torrent : torrents_) {
    for (auto& [peer, connection] : torrent.connections) connection->close();
    torrent.job.targets.clear();  // waits for their requests, so that the buffers are ours again
  }
  for (auto& [connection, since] : strangers_) connection->close();
}

void Session::start() {
  accept_next();
  watch(disk_events_, &Session::on_disk_events);
  watch(hash_events_, &Session::on_hash_events);
  watch(frame_events_, &Session::on_frame_events);
  asio::post(context_, [this] { tick(); });  // the first at once: it connects and announces
}

void Session::stop() {
  for (std::uint32_t i = 0; i < torrents_.size(); ++i) deliver(i, StopRequested{});
}

SwarmStats Session::stats(std::size_t torrent) const {
  return torrents_[torrent].swarm->stats();
}

const Bitfield& Session::have(std::size_t torrent) const {
  return torrents_[torrent].swarm->have();
}

AnnounceRequest Session::farewell(std::size_t torrent) const {
  return torrents_[torrent].swarm->farewell();
}

void Session::check_all_finished() {
  if (all_finished_) return;
  bool farewells = false;
  for (const Torrent& torrent : torrents_) {
    if (!torrent.swarm->finished()) return;
    farewells |= torrent.announces_in_flight > 0;
  }
  if (farewells && !farewell_over_) {
    if (farewell_timer_.expiry() > asio::steady_timer::clock_type::now()) return;  // running already
    farewell_timer_.expires_after(3s);
    farewell_timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      farewell_over_ = true;
      check_all_finished();
    });
    return;
  }
  all_finished_ = true;
  observer_.on_all_finished();
}

void Session::tick() {
  if (std::exchange(accept_again_, false)) accept_next();
  sweep_strangers();
  look_for_hung_disks();
  for (const Torrent& torrent : torrents_) {
    for (const auto& [peer, connection] : torrent.connections) connection->tick();
  }
  for (std::uint32_t i = 0; i < torrents_.size(); ++i) deliver(i, Tick{});
  tick_timer_.expires_after(tick_interval);
  tick_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) tick();
  });
}

// ---------------------------------------------------------------- trackers

void Session::announce(std::uint32_t index, const Announce& action) {
  Torrent& torrent = torrents_[index];
  ++torrent.announces_in_flight;
  std::optional<HostReport> report;
  if (action.report) report = observer_.report(index);
  const std::string url =
      announce_url(torrent.job.trackers[action.tracker.value()], action.request, report ? &*report : nullptr);
  http_.get(url, HttpLimits{}, [this, index, tracker = action.tracker](HttpResult body) {
    --torrents_[index].announces_in_flight;
    if (!body) {
      deliver(index, AnnounceFailed{tracker, body.error().message});
      return;
    }
    Result<AnnounceReply> reply = parse_announce_reply(as_bytes(*body));
    if (reply) {
      deliver(index, AnnounceSucceeded{tracker, std::move(*reply)});
    } else {
      deliver(index, AnnounceFailed{tracker, reply.error().message});
    }
  });
}

}  // namespace ezio
