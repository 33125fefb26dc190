// One process of a simulated machine: real swarms over one pool, driven by the virtual clock, network and
// disks. The counterpart of tools/peer/session.hpp, which also checks what the swarms may not do.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bt/sha1/sha1.hpp"
#include "bt/swarm/memory_plan.hpp"
#include "bt/swarm/swarm.hpp"
#include "sim/buffer_watch.hpp"
#include "sim/connection.hpp"
#include "sim/disk.hpp"
#include "sim/image.hpp"
#include "sim/peer_map.hpp"
#include "tools/peer/io_token.hpp"

namespace ezio::sim {

class World;

struct JobTarget {  // or source
  StorageTraits traits;
  std::vector<PieceIndex> holds;  // pieces that a target has right from the start
  DiskFaults faults;
  DiskSpeed disk;
};

struct Job : JobTarget {
  const Image* image = nullptr;
  bool seeding = false;
  Linger linger{Linger::Mode::forever, {}};
  Reuse::Mode reuse = Reuse::Mode::automatic;
  bool read_back = true;
  std::vector<JobTarget> more_targets;
  bool page_cached = false;  // a source that the kernel holds in memory
};

struct HostConfig {
  std::vector<Job> jobs;
  std::uint64_t memory_bytes = 256 * MiB;  // ezio-peer's --memory
  std::uint32_t largest_request = 1 * MiB;
  SocketSpec sockets;
  Duration stall_timeout{};
  std::vector<Endpoint> peers;
  bool uses_tracker = true;
  std::size_t most_connections = 1000;  // more are refused, whoever dials
  FramePolicy::Mode frames = FramePolicy::Mode::never;
  double frame_share = 0.5;              // of a segment, that its frame is long; 1: it does not shrink
  double pack_bytes_per_second = 200e6;  // of its one thread that packs
  bool packs_badly = false;              // frames that unpack to nothing

  // --- faults ---
  std::function<bool(std::uint64_t)> corrupts;  // the nth block that it sends (from 0)
  bool ignores_requests = false;                // hears them and says nothing
  bool without_fast = false;                    // as a client that knows BEP 3 alone
  bool without_extensions = false;
};

class Host final : private ConnectionUser {
 public:
  Host(World& world, NodeId node, HostConfig config);

  void stop();                            // StopRequested to each swarm
  void kill();                            // the process dies, the machine closes its connections
  void power_off();                       // nobody hears of it
  void drop_connection(std::size_t nth);  // as if the network broke it
  bool alive() const { return alive_; }

  NodeId node() const { return node_; }
  SwarmStats stats(std::size_t job = 0) const { return torrents_[job].swarm->stats(); }
  const PeerTable& peers(std::size_t job = 0) const { return torrents_[job].swarm->peers(); }
  bool completed(std::size_t job = 0) const { return torrents_[job].completed_at.has_value(); }
  TimePoint completed_at(std::size_t job = 0) const { return *torrents_[job].completed_at; }
  std::optional<SwarmOutcome> outcome(std::size_t job = 0) const { return torrents_[job].outcome; }
  TimePoint finished_at(std::size_t job = 0) const { return torrents_[job].finished_at; }
  const std::string& message(std::size_t job = 0) const { return torrents_[job].message; }
  bool holds_truth(std::size_t job = 0, std::size_t target = 0) const {
    return torrents_[job].targets[target].disk->holds_truth();
  }
  // Why a target was given up while others went on.
  const std::optional<std::string>& target_failure(std::size_t job, std::size_t target) const {
    return torrents_[job].targets[target].failure;
  }
  std::size_t connections(std::size_t job = 0) const { return torrents_[job].connections.size(); }
  bool has(PieceIndex piece, std::size_t job = 0) const { return torrents_[job].swarm->verified(piece); }
  Disk& disk(std::size_t job = 0, std::size_t target = 0) { return *torrents_[job].targets[target].disk; }
  // Of a disk with faults.
  const std::vector<DiskFailure>& disk_failures(std::size_t job = 0, std::size_t target = 0) const {
    return torrents_[job].targets[target].faulty->failures();
  }
  std::uint64_t reads(std::size_t job = 0) const { return torrents_[job].reads; }
  const std::vector<std::string>& notes() const { return notes_; }
  bool banned_somebody() const;

  bool quiet() const;  // every swarm finished, nothing in flight
  void destroy_swarms();

 private:
  struct Transfer {
    BufferId buffer;
    BufferUse use;
    BlockSpan span;  // of what a peer sends or gets
  };
  struct Target {
    std::unique_ptr<Disk> disk;
    std::unique_ptr<FaultyDisk> faulty;
    std::map<std::uint64_t, Transfer> disk_requests;  // by token; but flushes
    std::vector<bool> written;                        // segments, in torrent order
    std::optional<std::string> failure;
    std::optional<TimePoint> hangs_since;
    bool hang_told = false;
    Storage& storage() { return faulty ? static_cast<Storage&>(*faulty) : *disk; }
  };
  struct Torrent {
    Job job;
    std::vector<Target> targets;
    std::unique_ptr<Swarm> swarm;
    PeerMap<std::shared_ptr<Connection>> connections;
    PeerMap<std::deque<Transfer>> sending;  // oldest first
    PeerMap<Transfer> receiving;
    std::map<HashToken, Sha1State> hashes;
    std::map<SegmentRef, ReadFrame> packing;  // while they are read
    std::uint64_t reads = 0;
    std::optional<TimePoint> completed_at;
    std::optional<SwarmOutcome> outcome;
    TimePoint finished_at{};
    std::string message;
    bool lies() const;   // one of its disks does
    bool hangs() const;  // and is known to
  };
  struct Run;  // the switch over actions (host_actions.cpp)

  void deliver(std::size_t index, const Event& event);
  void tick();
  void add_torrent(const Job& job);
  void add_target(Torrent& torrent, const JobTarget& target);
  void look_for_hung_disks();
  std::size_t all_connections() const;
  StreamUser* accept(const std::shared_ptr<End>& end);
  MutableBytes memory(std::size_t index, BufferId buffer, std::uint32_t offset, std::uint32_t length);
  void use(BufferId buffer, const BufferUse& use);
  void on_disk(const IoCompletion& completion);
  void pack(std::size_t index, SegmentRef segment, const IoStatus& status);
  void forget(Connection& connection);

  void on_connected(Connection& connection) override;
  void on_handshake(Connection& connection, wire::Handshake handshake) override;
  void on_message(Connection& connection, wire::Message message) override;
  void on_block_header(Connection& connection, const BlockSpan& span) override;
  void on_block_progress(Connection& connection, std::uint32_t bytes) override;
  void on_block_received(Connection& connection, const BlockSpan& span) override;
  void on_block_sent(Connection& connection) override;
  void on_disconnected(Connection& connection, const std::string& reason) override;
  void violation(const std::string& what) override;

  World& world_;
  NodeId node_;
  HostConfig config_;
  MemoryPlan plan_;
  std::uint32_t shrink_;
  Actions actions_;  // empty but for its memory, between events
  std::unique_ptr<SegmentPool> pool_;
  std::vector<std::byte> arena_;
  BufferWatch watch_;
  std::vector<Torrent> torrents_;
  std::map<Connection*, std::shared_ptr<Connection>>
      strangers_;  // accepted, no handshake yet; only looked up
  std::vector<std::string> notes_;
  TimePoint hasher_free_{};
  TimePoint packer_free_{};
  std::uint64_t blocks_sent_ = 0;
  bool alive_ = true;
};

}  // namespace ezio::sim
