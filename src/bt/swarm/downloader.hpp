// The fetching half of a swarm: chooses blocks, follows them through hash and disk, finds out who lies.
//
//   request -> block header -> payload in place -> hashed as the prefix grows -> verified -> written
//
// No request without a buffer for the whole piece. A piece that fails its hash bans the peer that sent all of
// it; where several did, each becomes a suspect and is given pieces alone until one proves it.
// Core file; part of Swarm, which forwards events and closes the peers that are doomed here.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "bt/metainfo/metainfo.hpp"
#include "bt/swarm/event.hpp"
#include "bt/swarm/picker.hpp"
#include "bt/swarm/piece_download.hpp"
#include "bt/swarm/swarm_context.hpp"

namespace ezio {

class Downloader {
 public:
  struct Limits {
    std::uint32_t buffers = 0;                // of the pool that pieces in flight may hold
    std::uint32_t largest_request = 1 * MiB;  // bytes; what we ask of a peer that offers as much
    std::uint32_t hash_streams = 1;           // pieces that are cheapest hashed together
  };

  Downloader(SwarmContext& context, const std::vector<Sha1Digest>& piece_hashes, Limits limits,
             std::uint64_t random_seed);
  ~Downloader();  // releases its buffers; nothing may be using them any more

  // --- a peer's pieces; call them before the peer is asked for anything ---
  void peer_has(Peer& peer, Bitfield pieces);
  void peer_has(Peer& peer, PieceIndex piece);
  void peer_gone(Peer& peer);
  bool interesting(const Peer& peer) const;  // it has a piece that we have not verified

  // --- its answers ---
  void on_choke(Peer& peer);
  void on_reject(Peer& peer, const BlockSpan& span);
  void on_block_header(Peer& peer, const BlockSpan& span);
  void on_block_progress(Peer& peer, std::uint32_t bytes);
  void on_block_received(Peer& peer, const BlockSpan& span);

  // Asks for as many blocks as the peer's pipeline takes.
  void fill_requests(Peer& peer);
  void fill_all_requests();

  // --- hash and disk ---
  // True when the piece turned out verified: context.have has it, its segments are cached and being written.
  bool on_hashed(PieceIndex piece, const Sha1Digest& digest);
  void on_written(SegmentRef segment, const std::string& error);

  void tick(Duration elapsed);  // rates and time-outs

  // Gives up everything that is being fetched; only with io_in_flight() == 0 and no peers.
  void stop();

  bool all_written() const { return context_.have.all() && writes_in_flight_ == 0; }
  std::uint32_t io_in_flight() const { return writes_in_flight_ + hashes_in_flight_; }
  std::uint64_t wasted_bytes() const { return wasted_bytes_; }  // received and dropped, or wrong
  std::uint64_t progress() const { return progress_; }          // grows with each block received and written

 private:
  PieceDownload* find(PieceIndex piece);
  std::uint64_t window_bytes(const Peer& peer) const;
  std::uint32_t request_bytes(const Peer& peer) const;
  std::optional<BlockSpan> choose(Peer& peer);
  std::uint32_t pieces_abreast(const Peer& peer) const;
  bool wants_another_piece(const Peer& peer) const;
  std::optional<BlockSpan> choose_from_active(const Peer& peer);
  bool may_ask(const Peer& peer, const PieceDownload& download) const;
  std::optional<BlockSpan> take_over(const Peer& peer);
  enum class Need { only, extra };  // nothing else to ask for, or another piece beside those under way
  PieceDownload* start_piece(Peer& peer, Need need);
  bool make_room(std::uint32_t buffers, Need need);
  bool abandon_orphan();
  std::optional<BlockSpan> choose_duplicate(const Peer& peer);
  void send_request(Peer& peer, const BlockSpan& span);
  void release(Peer& peer, OutstandingRequest& request);
  void release_all(Peer& peer);
  void cancel_elsewhere(const Peer& receiver, const BlockSpan& span);
  void follow_hash(PieceDownload& download);
  bool hash_can_go_on(const PieceDownload& download) const;
  std::size_t hash_batch() const;
  void hash_waiting_pieces();
  void piece_verified(PieceDownload& download);
  void piece_failed(PieceDownload& download);
  void forget(PieceIndex piece);
  void check_timeouts(Peer& peer);
  void snub(Peer& peer);
  void end_exclusive(const Peer& peer);
  bool somebody_lacks(PieceIndex piece) const;

  SwarmContext& context_;
  const std::vector<Sha1Digest>& piece_hashes_;
  Limits limits_;
  Picker picker_;
  std::vector<std::unique_ptr<PieceDownload>> active_;  // in the order of their start
  std::uint32_t buffers_held_ = 0;                      // by active_
  std::map<SegmentRef, BufferId> writing_;
  std::uint32_t writes_in_flight_ = 0;
  std::uint32_t hashes_in_flight_ = 0;
  std::uint64_t requests_sent_ = 0;
  std::uint64_t wasted_bytes_ = 0;
  std::uint64_t progress_ = 0;
};

}  // namespace ezio
