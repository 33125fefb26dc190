// One torrent's swarm: events in, actions out. The whole protocol and all policy, without I/O.
//
// A driver calls handle() for everything that happens and carries out the actions that it appends. Two
// drivers exist: Session (sockets, io_uring, hash threads) and the simulation under tests/sim. Given the same
// configuration, events and times, a swarm emits the same actions.
//
// Life: downloading -> flushing -> verifying -> complete (serving on, see Linger) -> finished. A seeder
// begins complete. While it downloads, it also looks at what the target holds already (Reuse) and makes
// pieces of zeros itself. Success is announced (Completed) only when every piece was verified, every write
// returned, the flush succeeded, the device, read again (ReadBack), holds it all, and the driver's last works
// on it (Conclude) succeeded; what it does not hold is fetched and written once more.
//
// A download may have several targets, which all become the image: everything is fetched once and written to
// each. One that fails is left behind (TargetFailed) and the others go on. Core file; one thread.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "bt/metainfo/metainfo.hpp"
#include "bt/swarm/announce_schedule.hpp"
#include "bt/swarm/bans.hpp"
#include "bt/swarm/blame.hpp"
#include "bt/swarm/candidates.hpp"
#include "bt/swarm/choker.hpp"
#include "bt/swarm/event.hpp"
#include "bt/swarm/frame_policy.hpp"
#include "bt/swarm/piece_store.hpp"
#include "bt/swarm/read_back.hpp"
#include "bt/swarm/request_pipeline.hpp"
#include "bt/swarm/reuse.hpp"
#include "bt/swarm/storage.hpp"
#include "bt/swarm/swarm_context.hpp"
#include "bt/swarm/swarm_limits.hpp"
#include "bt/swarm/target_inspection.hpp"
#include "bt/swarm/trials.hpp"
#include "bt/swarm/upload_planner.hpp"
#include "bt/swarm/uploader.hpp"
#include "bt/swarm/zeroing.hpp"

namespace ezio {

// How long a complete peer goes on serving.
struct Linger {
  enum class Mode {
    automatic,  // until the trackers know of no leecher, or 30 s without an upload when none can tell
    seconds,    // for a fixed time after completion
    forever,
  };
  Mode mode = Mode::automatic;
  Duration time{};  // of Mode::seconds
};

struct SwarmConfig {
  PeerId id;                      // our own
  std::uint16_t listen_port = 0;  // announced to trackers and peers
  std::uint32_t torrent = 0;      // this torrent's key in the shared pool
  bool seeding = false;           // the source is complete from the start
  Linger linger;
  Reuse::Mode reuse = Reuse::Mode::automatic;           // of what the target holds
  bool read_back = true;                                // before a clone counts as complete
  std::vector<StorageTraits> targets{StorageTraits{}};  // at least one: all of them become the image
  Duration start_timeout{};       // until anything has come; as the next, 0: never give up
  Duration stall_timeout{};       // without progress once something has; flushes are not counted
  std::uint64_t random_seed = 0;  // decides every random choice
  FramePolicy::Mode frames = FramePolicy::Mode::automatic;  // whether segments are sent as zstd frames
  unsigned packing_threads = 1;  // that ReadFrame is done by; 0: the source holds frames, which are only read
  SwarmLimits limits;
  std::vector<std::string> trackers;  // their URLs, for messages; TrackerIndex counts through them
  std::vector<Endpoint> peers;        // to dial for ever (--peer)
};

struct SwarmStats {
  enum class State { downloading, flushing, verifying, complete, finished };
  State state = State::downloading;
  bool checking = false;  // while downloading: what the target holds is being looked at
  std::uint32_t pieces = 0;
  std::uint32_t verified_pieces = 0;
  std::uint64_t verified_bytes = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t downloaded = 0;  // payload bytes since start, as uploaded, wasted
  std::uint64_t uploaded = 0;
  std::uint64_t wasted = 0;     // received and dropped, or wrong
  std::uint64_t duplicate = 0;  // of that, bytes that were there or on their way already
  std::uint64_t reused = 0;     // bytes that the target held already, or all targets
  std::uint64_t zeroed = 0;     // bytes of zeros that were made here
  // Pieces read again from the device, of the pass under way or the last one; of the target that is behind,
  // among those that have not failed, or all where all have.
  std::uint32_t read_back = 0;
  std::uint64_t from_seeds = 0;  // payload that was kept, from peers that had everything, and from others
  std::uint64_t from_leechers = 0;
  std::uint64_t framed = 0;    // of both, what came as zstd frames
  std::uint64_t unpacked = 0;  // bytes of the image that were in those
  double down_rate = 0;        // bytes a second, as up_rate
  double up_rate = 0;
  std::uint32_t peers = 0;  // with a handshake behind them
  std::uint32_t seeds = 0;  // of them complete
};

class Swarm {
 public:
  // `metainfo` and `pool` must outlive the swarm. limits.buffers holds at least one piece unless seeding.
  // Destroy it only when nothing that its actions started is still running (io_in_flight() == 0 and its
  // connections closed): its buffers return to the pool.
  Swarm(const Metainfo& metainfo, SegmentPool& pool, SwarmConfig config, TimePoint now);
  Swarm(const Swarm&) = delete;
  Swarm& operator=(const Swarm&) = delete;

  void handle(const Event& event, TimePoint now, Actions& actions);

  PeerHandle new_handle();  // for a PeerAccepted
  bool finished() const { return state_ == State::finished; }
  bool verified(PieceIndex piece) const { return context_.have.test(piece); }
  const Bitfield& have() const { return context_.have; }  // verified pieces
  std::uint32_t io_in_flight() const;  // reads, writes, hashes and flushes not yet answered
  SwarmStats stats() const;
  // What a tracker may be told once more when this is over: by the same peer, that it has stopped.
  AnnounceRequest farewell() const { return announce_request({TrackerIndex{0}, AnnounceEvent::stopped}); }
  const PeerTable& peers() const { return context_.peers; }

 private:
  using State = SwarmStats::State;
  struct MessageHandler;  // overloads for each wire message (swarm_peers.cpp)

  void on(const PeerConnected& event);
  void on(const PeerAccepted& event);
  void on(const HandshakeReceived& event);
  void on(const MessageReceived& event);
  void on(const BlockHeaderReceived& event);
  void on(const BlockProgress& event);
  void on(const BlockReceived& event);
  void on(const BlockSent& event);
  void on(const PeerDisconnected& event);
  void on(const SegmentRead& event);
  void on(const FrameRead& event);
  void on(const FrameUnpacked& event);
  void on(const SourceFailed& event);
  void on(const SegmentWritten& event);
  void on(const SegmentInspected& event);
  void on(const HoleInspected& event);
  void on(const PieceZeroed& event);
  void on(const SegmentHashed& event);
  void on(const Flushed& event);
  void on(const Concluded& event);
  void on(const StorageHangs& event);
  void on(const AnnounceSucceeded& event);
  void on(const AnnounceFailed& event);
  void on(const Tick& event);
  void on(const BuffersAvailable& event);
  void on(const StopRequested& event);

  Peer& add_peer(PeerHandle handle, const Endpoint& remote, bool incoming);
  void greet(Peer& peer);
  bool admit(Peer& peer, const wire::Handshake& handshake);
  bool keep_over_duplicate(Peer& peer);
  bool make_room();
  void meet_again(const Peer& peer);
  bool seems_alive(Peer& peer);
  void introduce(Peer& peer);
  void close(PeerHandle handle, const std::string& reason, bool ban, bool tell_driver);
  void remember_closed(const Peer& peer, bool ban);
  std::optional<Endpoint> dialable(const Peer& peer) const;

  void update_interest(Peer& peer);
  void update_choking();
  void piece_verified(PieceIndex piece);
  void piece_failed(PieceIndex piece);
  bool somebody_has(PieceIndex piece, std::optional<PeerHandle> but = {}) const;
  void tell_have(PieceIndex piece);

  // The target: what it holds before and after (swarm_target.cpp).
  void look_at_target();
  void look_at(const std::vector<PieceIndex>& pieces);
  void looked_at_target();
  void want(PieceIndex piece);
  void wants_changed();
  void advance_target();
  void inspected(TargetIndex target, const std::optional<TargetInspection::Verdict>& verdict);
  void inspected_before(TargetIndex target, const TargetInspection::Verdict& verdict);
  void inspected_after(TargetIndex target, const TargetInspection::Verdict& verdict);
  bool right_on_all(PieceIndex piece) const;
  void found_right(PieceIndex piece);
  void look_everywhere_at(const std::vector<PieceIndex>& pieces);
  void check_inspected();
  void read_back();
  void repair(PieceIndex piece);
  void read_back_over();
  std::string place_of(PieceIndex piece) const;
  void count_zeroed();
  void check_flushed();
  void check_concluded();
  void draw_consequences(const SwarmContext::LostTarget& lost);
  std::uint32_t most_peers() const;
  void check_written();
  bool needs_read_back() const;
  void conclude();
  void become_complete();
  void finish(SwarmOutcome outcome, std::string message);
  void settle();

  void dial();
  void keep_alive();
  void check_ends();
  bool linger_is_over() const;
  bool hungry() const;
  void announce_due();
  void announce(const AnnounceSchedule::Due& due);
  AnnounceRequest announce_request(const AnnounceSchedule::Due& due) const;

  const Metainfo& metainfo_;
  SwarmConfig config_;
  SwarmContext context_;
  PieceStore store_;
  Blame blame_;
  RequestPipeline requests_;
  UploadPlanner planner_;
  Uploader uploader_;
  // A target's part of the work.
  struct Target {
    Target(SwarmContext& context, const Metainfo& metainfo, TargetIndex index, StorageTraits traits)
        : inspection(context, metainfo.piece_hashes, index, traits.sequential), right(context.have.size()) {}
    TargetInspection inspection;
    ReadBack read_back;
    Bitfield right;  // pieces that it held before the clone
  };
  Target& target(TargetIndex index) { return targets_[index.value()]; }
  const Target& target(TargetIndex index) const { return targets_[index.value()]; }

  std::deque<Target> targets_;  // which stay where they are
  Zeroing zeroing_;
  Reuse reuse_;
  Choker choker_;
  Candidates candidates_;
  AnnounceSchedule announces_;
  State state_;
  bool begun_ = false;  // the first event came
  bool completed_ = false;
  enum class AllTargets { nothing, inspected, flushed, concluded };
  AllTargets awaited_ = AllTargets::nothing;  // what comes next waits until all targets are that far
  TargetSet flushing_;                        // who has not answered
  TargetSet concluding_;                      // the same
  std::uint32_t next_handle_ = 0;
  std::uint32_t swarm_size_ = 0;  // the most that a tracker has told
  std::uint64_t written_bytes_ = 0;
  std::uint64_t zeroed_bytes_ = 0;
  std::uint64_t bytes_at_flush_ = 0;  // of these two
  std::uint64_t reused_bytes_ = 0;
  Bans bans_;
  Trials trials_;
  TimePoint last_tick_;
  TimePoint last_choke_round_{};
  TimePoint completed_at_{};
  TimePoint last_upload_at_{};
  std::uint64_t last_uploaded_ = 0;
  TimePoint last_progress_at_;
  std::uint64_t last_progress_ = 0;
  std::uint64_t closed_down_ = 0;  // bytes moved with peers that are gone
  std::uint64_t closed_up_ = 0;
};

}  // namespace ezio
