#include "sim/host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "bt/swarm/swarm_limits.hpp"
#include "sim/world.hpp"

namespace ezio::sim {
namespace {

MemoryPlan plan(const HostConfig& config) {
  std::vector<MemoryUser> users;
  for (const Job& job : config.jobs) {
    users.push_back(
        {job.image->geometry(), !job.seeding, job.page_cached, config.frames != FramePolicy::Mode::never});
  }
  return plan_memory(config.memory_bytes, users).value();
}

PeerId random_id(std::mt19937_64& random) {
  PeerId id;
  for (std::byte& byte : id.bytes) byte = static_cast<std::byte>(random());
  return id;
}

}  // namespace

Host::Host(World& world, NodeId node, HostConfig config)
    : world_(world),
      node_(node),
      config_(std::move(config)),
      plan_(plan(config_)),
      shrink_(config_.jobs.front().image->shrink()),
      pool_(std::make_unique<SegmentPool>(plan_.buffers)),
      arena_(std::size_t{plan_.buffers} * plan_.buffer_bytes / shrink_),
      watch_(plan_.buffers) {
  torrents_.reserve(config_.jobs.size());
  for (const Job& job : config_.jobs) add_torrent(job);
  world_.network.set_sockets(node_, config_.sockets);
  world_.network.listen(node_, [this](const auto& end) { return accept(end); });
  world_.clock.after(std::chrono::microseconds(world_.random() % 100'000), [this] { tick(); });
}

bool Host::Torrent::lies() const {
  return job.faults.lies() || std::any_of(job.more_targets.begin(), job.more_targets.end(),
                                          [](const JobTarget& target) { return target.faults.lies(); });
}

bool Host::Torrent::hangs() const {
  return std::any_of(targets.begin(), targets.end(), [](const Target& target) { return target.hang_told; });
}

void Host::add_target(Torrent& torrent, const JobTarget& spec) {
  const Image& image = *torrent.job.image;
  const StorageOwner owner{static_cast<std::uint32_t>(torrents_.size() - 1),
                           TargetIndex{static_cast<std::uint32_t>(torrent.targets.size())}};
  Target& target = torrent.targets.emplace_back();
  target.disk = std::make_unique<Disk>(
      world_.clock, image, storage_owner(owner),
      [this](const IoCompletion& completion) { on_disk(completion); }, spec.disk);
  if (torrent.job.seeding) target.disk->load_truth();
  for (PieceIndex piece : spec.holds) target.disk->load_truth(piece);
  if (spec.faults.any()) target.faulty = std::make_unique<FaultyDisk>(*target.disk, spec.faults);
  const Geometry shape = image.geometry();
  target.written.resize(std::size_t{shape.piece_count()} * shape.segment_count(PieceIndex{0}));
}

void Host::add_torrent(const Job& job) {
  Torrent& torrent = torrents_.emplace_back();
  torrent.job = job;
  add_target(torrent, job);
  for (const JobTarget& target : job.more_targets) add_target(torrent, target);
  SwarmConfig swarm;
  swarm.id = random_id(world_.random);
  swarm.listen_port = world_.address(node_).port;
  swarm.torrent = static_cast<std::uint32_t>(torrents_.size() - 1);
  swarm.seeding = job.seeding;
  swarm.linger = job.linger;
  swarm.reuse = job.reuse;
  swarm.read_back = job.read_back;
  swarm.frames = config_.frames;
  swarm.targets = {job.traits};
  for (const JobTarget& target : job.more_targets) swarm.targets.push_back(target.traits);
  swarm.start_timeout = swarm.stall_timeout = config_.stall_timeout;
  swarm.random_seed = world_.random();
  swarm.limits = swarm_limits(plan_);
  swarm.limits.largest_request = config_.largest_request;
  if (config_.uses_tracker) swarm.trackers = {"http://tracker.test/announce"};
  swarm.peers = config_.peers;
  torrent.swarm =
      std::make_unique<Swarm>(job.image->metainfo(), *pool_, std::move(swarm), world_.clock.now());
}

void Host::tick() {
  if (!alive_) return;
  for (const Torrent& torrent : torrents_) {
    for (std::size_t i = 0; i < torrent.connections.size(); ++i) {  // some close meanwhile
      torrent.connections.begin()[static_cast<std::ptrdiff_t>(i)].second->tick();
    }
  }
  look_for_hung_disks();
  for (std::size_t i = 0; i < torrents_.size(); ++i) deliver(i, Tick{});
  if (!quiet()) world_.clock.after(tick_interval, [this] { tick(); });
}

void Host::look_for_hung_disks() {
  constexpr auto io_timeout = std::chrono::seconds(5);
  for (std::uint32_t i = 0; i < torrents_.size(); ++i) {
    for (std::uint32_t t = 0; t < torrents_[i].targets.size(); ++t) {
      Target& target = torrents_[i].targets[t];
      if (!target.faulty || !target.faulty->hangs() || target.hang_told) continue;
      if (!target.hangs_since) target.hangs_since = world_.clock.now();
      if (world_.clock.now() - *target.hangs_since < io_timeout) continue;
      target.hang_told = true;
      target.faulty->cancel_waiting();
      deliver(i, StorageHangs{"the device has not answered", TargetIndex{t}});
    }
  }
}

// ---------------------------------------------------------------- connections

std::size_t Host::all_connections() const {
  return std::accumulate(
      torrents_.begin(), torrents_.end(), strangers_.size(),
      [](std::size_t sum, const Torrent& torrent) { return sum + torrent.connections.size(); });
}

StreamUser* Host::accept(const std::shared_ptr<End>& end) {
  if (all_connections() >= config_.most_connections) return nullptr;
  auto connection = std::make_shared<Connection>(static_cast<ConnectionUser&>(*this), shrink_);
  connection->attach(end);
  strangers_.emplace(connection.get(), connection);
  return connection.get();
}

void Host::on_connected(Connection& connection) {
  deliver(connection.torrent, PeerConnected{connection.peer});
}

void Host::on_handshake(Connection& connection, wire::Handshake handshake) {
  if (config_.without_fast) handshake.fast = false;
  if (config_.without_extensions) handshake.extensions = false;
  if (connection.attached) {
    deliver(connection.torrent, HandshakeReceived{connection.peer, handshake});
    return;
  }
  const auto self = connection.shared_from_this();
  strangers_.erase(&connection);
  for (std::size_t i = 0; i < torrents_.size(); ++i) {
    Torrent& torrent = torrents_[i];
    if (torrent.job.image->metainfo().info_hash != handshake.info_hash || torrent.swarm->finished()) continue;
    connection.torrent = static_cast<std::uint32_t>(i);
    connection.peer = torrent.swarm->new_handle();
    connection.attached = true;
    connection.set_limits({torrent.swarm->stats().pieces, Uploader::largest_request});
    torrent.connections.emplace(connection.peer, self);
    deliver(i, PeerAccepted{connection.peer, connection.end().remote(), handshake});
    return;
  }
  connection.close();
}

void Host::on_message(Connection& connection, wire::Message message) {
  if (config_.ignores_requests && std::holds_alternative<wire::Request>(message)) return;
  deliver(connection.torrent, MessageReceived{connection.peer, std::move(message)});
}

void Host::on_block_header(Connection& connection, const BlockSpan& span) {
  deliver(connection.torrent, BlockHeaderReceived{connection.peer, span});
}

void Host::on_block_progress(Connection& connection, std::uint32_t bytes) {
  deliver(connection.torrent, BlockProgress{connection.peer, bytes});
}

void Host::on_block_received(Connection& connection, const BlockSpan& span) {
  Torrent& torrent = torrents_[connection.torrent];
  auto receiving = torrent.receiving.find(connection.peer);
  if (receiving != torrent.receiving.end()) {
    watch_.end(receiving->second.buffer, receiving->second.use);
    torrent.receiving.erase(connection.peer);
  }
  deliver(connection.torrent, BlockReceived{connection.peer, span});
}

void Host::on_block_sent(Connection& connection) {
  Torrent& torrent = torrents_[connection.torrent];
  auto& sending = torrent.sending[connection.peer];
  const auto [buffer, use, span] = sending.front();
  sending.pop_front();
  watch_.end(buffer, use);
  deliver(connection.torrent, BlockSent{connection.peer, span});
}

void Host::forget(Connection& connection) {
  Torrent& torrent = torrents_[connection.torrent];
  watch_.end_all_of(connection.torrent, connection.peer);
  torrent.sending.erase(connection.peer);
  torrent.receiving.erase(connection.peer);
  torrent.connections.erase(connection.peer);
}

void Host::on_disconnected(Connection& connection, const std::string& reason) {
  if (!connection.attached) {
    strangers_.erase(&connection);
    return;
  }
  const std::uint32_t torrent = connection.torrent;
  const PeerHandle peer = connection.peer;
  forget(connection);
  deliver(torrent, PeerDisconnected{peer, reason});
}

// ---------------------------------------------------------------- faults and the end

void Host::stop() {
  if (!alive_) return;
  for (std::size_t i = 0; i < torrents_.size(); ++i) deliver(i, StopRequested{});
}

void Host::kill() {
  alive_ = false;
  world_.network.listen(node_, nullptr);
  for (Torrent& torrent : torrents_) {
    for (auto& [peer, connection] : torrent.connections) connection->close();
  }
  for (auto& [raw, connection] : strangers_) connection->close();
}

void Host::power_off() {
  world_.network.power_off(node_);
  kill();
}

void Host::drop_connection(std::size_t nth) {
  for (Torrent& torrent : torrents_) {
    if (nth >= torrent.connections.size()) continue;
    auto connection = std::next(torrent.connections.begin(), static_cast<std::ptrdiff_t>(nth))->second;
    connection->close();
    on_disconnected(*connection, "connection reset");
    return;
  }
}

bool Host::banned_somebody() const {
  return std::any_of(notes_.begin(), notes_.end(),
                     [](const std::string& note) { return note.starts_with("banned peer"); });
}

bool Host::quiet() const {
  return !alive_ || std::all_of(torrents_.begin(), torrents_.end(), [](const Torrent& torrent) {
    return torrent.swarm->finished() && (torrent.swarm->io_in_flight() == 0 || torrent.hangs());
  });
}

void Host::destroy_swarms() {
  if (!alive_) return;
  // What a device that hangs was given stays its own.
  const bool hangs =
      std::any_of(torrents_.begin(), torrents_.end(), [](const Torrent& torrent) { return torrent.hangs(); });
  for (Torrent& torrent : torrents_) {
    if (!torrent.connections.empty()) violation("connections are left after the end");
    torrent.swarm.reset();
  }
  if (!watch_.unused() && !hangs) violation("buffers are in use after the end");
  if (pool_->available() != pool_->capacity()) {  // a swarm that ends gives up all that it knows of
    violation(
        fmt::format("{} of {} buffers leaked", pool_->capacity() - pool_->available(), pool_->capacity()));
  }
  alive_ = false;
}

void Host::violation(const std::string& what) {
  world_.violation(fmt::format("host {} at {:.3f} s: {}", node_.value(),
                               seconds_between(TimePoint{std::chrono::seconds(1000)}, world_.clock.now()),
                               what));
}

}  // namespace ezio::sim
