// The real driver: carries out the swarms' actions with sockets, io_uring and hash threads.
//
// One loop, one switch over actions (session.cpp), no decisions. All torrents of a process share its
// listener, its buffers and its engines. Everything runs on the io_context's thread; hash threads and the
// kernel report through event descriptors.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bt/frame/frame.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "bt/net/connection.hpp"
#include "bt/net/http_client.hpp"
#include "bt/sha1/sha1.hpp"
#include "bt/swarm/memory_plan.hpp"
#include "bt/swarm/segment_pool.hpp"
#include "bt/swarm/swarm.hpp"
#include "disk/arena.hpp"
#include "disk/disk_engine.hpp"
#include "disk/frame_engine.hpp"
#include "disk/hasher.hpp"
#include "tools/peer/conclusion.hpp"
#include "tools/peer/io_token.hpp"

namespace ezio {

struct SessionTarget {               // or a source
  std::unique_ptr<Storage> storage;  // opened with storage_owner() of its places in the lists as owner
  std::shared_ptr<const CloneEnding> ending;  // null: nothing is left to do at its end
};

struct SessionTorrent {
  Metainfo metainfo;
  std::vector<SessionTarget> targets;  // all of them become the image; of a seed, its one source
  bool seeding = false;
  Linger linger;
  std::vector<std::string> trackers;  // http:// and https:// announce URLs
};

struct SessionConfig {
  std::optional<Endpoint> listen;  // exactly there; else port 6881 or the next free one, every address
  std::vector<Endpoint> peers;     // dialled for each torrent
  Duration start_timeout{};        // see SwarmConfig, as the next
  Duration stall_timeout{};
  std::optional<std::string> ca_file;  // for trackers of https://
  Reuse::Mode reuse = Reuse::Mode::automatic;
  bool read_back = true;
  FramePolicy::Mode frames = FramePolicy::Mode::automatic;
  int frame_level = default_frame_level;
  Duration io_timeout{};                 // of a device that does not answer; 0: none
  std::optional<double> upload_limit;    // bytes a second, all peers together
  std::optional<double> download_limit;  // the same
  MemoryPlan memory;
};

class Session final : private ConnectionHandler {
 public:
  // What the user may want to hear; called from the event loop.
  struct Observer {
    std::function<void(std::size_t torrent)> on_completed;
    std::function<void(std::size_t torrent, const Note& note)> on_note;
    std::function<void(std::size_t torrent, const TargetFailed& failed)> on_target_failed;
    std::function<void(std::size_t torrent, SwarmOutcome outcome, const std::string& message)> on_finished;
    std::function<HostReport(std::size_t torrent)> report;  // what a tracker of ours wants to know
    std::function<void()> on_all_finished;  // every torrent finished, trackers told: run() may end
  };

  // Binds the listener; throws std::runtime_error when it cannot. The arena, the engine and the
  // io_context outlive the session.
  Session(boost::asio::io_context& context, SessionConfig config, Arena& arena, DiskEngine& disk,
          std::vector<SessionTorrent> torrents, Observer observer);
  // Waits for disk requests in flight, but for those of storages that hang.
  ~Session();
  // A device has not answered: the kernel may yet write into our buffers, so they must not be given back.
  bool disk_hangs() const { return disk_hangs_; }

  void start();
  void stop();  // StopRequested to every swarm

  Endpoint listen_endpoint() const;
  SwarmStats stats(std::size_t torrent) const;
  const Bitfield& have(std::size_t torrent) const;  // verified pieces
  AnnounceRequest farewell(std::size_t torrent) const;

 private:
  struct HashStream {
    Sha1State state;
    bool last = false;  // what is being hashed ends it
  };
  struct Torrent {
    SessionTorrent job;
    std::unique_ptr<Swarm> swarm;
    std::map<PeerHandle, std::shared_ptr<Connection>> connections;
    std::map<HashToken, HashStream> hashes;
    std::map<SegmentRef, ReadFrame> packing;  // while they are read, or packed
    std::uint32_t announces_in_flight = 0;
    std::vector<std::unique_ptr<Conclusion>> conclusions;  // by target, while it is under way
    // Frames of a packed image, each of which is a segment.
    bool has_stored_frames() const {
      return job.seeding && job.targets[0].storage->traits().packed &&
             job.metainfo.geometry().segment_bytes() == max_segment_bytes;
    }
  };
  struct Run;  // the switch over actions (session.cpp)

  void deliver(std::uint32_t torrent, const Event& event);
  void schedule_turn_end();
  void end_turn();

  void open_listener(const std::optional<Endpoint>& wanted);
  void accept_next();
  void tick();
  void sweep_strangers();
  void drop_stranger();
  std::shared_ptr<Connection> make_connection(Connection::Socket socket);
  void watch(boost::asio::posix::stream_descriptor& events, void (Session::*on_events)());
  void on_disk_events();
  void look_for_hung_disks();
  void look_for_hung_conclusions();
  void on_hash_events();
  void on_frame_events();
  void pack(std::uint32_t torrent, SegmentRef segment, const IoStatus& status);
  void conclude(std::uint32_t torrent, TargetIndex target);
  void announce(std::uint32_t torrent, const Announce& action);
  void check_all_finished();

  void on_connected(Connection& connection) override;
  void on_handshake(Connection& connection, const wire::Handshake& handshake) override;
  void on_message(Connection& connection, wire::Message message) override;
  void on_block_header(Connection& connection, const BlockSpan& span) override;
  void on_block_progress(Connection& connection, std::uint32_t bytes) override;
  void on_block_received(Connection& connection, const BlockSpan& span) override;
  void on_block_sent(Connection& connection, const BlockSpan& span) override;
  void on_source_failed(Connection& connection, const std::string& reason) override;
  void on_disconnected(Connection& connection, const std::string& reason) override;

  boost::asio::io_context& context_;
  SessionConfig config_;
  Arena& arena_;
  DiskEngine& disk_;
  Observer observer_;
  std::optional<RateLimit> upload_limit_, download_limit_;
  SegmentPool pool_;
  // By buffer that stands for a source's segment: whether that is sent from the page cache, and the buffer
  // empty.
  std::vector<bool> in_files_;
  std::vector<Torrent> torrents_;
  HashEngine hasher_;  // after torrents_, whose hash states its threads work on
  FrameEngine frames_;
  HttpClient http_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer tick_timer_;
  boost::asio::steady_timer farewell_timer_;
  boost::asio::posix::stream_descriptor disk_events_;
  boost::asio::posix::stream_descriptor hash_events_;
  boost::asio::posix::stream_descriptor frame_events_;

  std::map<std::shared_ptr<Connection>, TimePoint> strangers_;  // accepted, no handshake yet
  std::vector<std::shared_ptr<Connection>> to_flush_;           // given output in this turn
  std::vector<std::pair<std::uint32_t, Event>> reports_;  // by torrent: what actions brought about at once
  bool accept_again_ = false;
  bool disk_touched_ = false;
  bool disk_hangs_ = false;
  bool turn_end_scheduled_ = false;
  bool all_finished_ = false;
  bool farewell_over_ = false;
};

}  // namespace ezio
