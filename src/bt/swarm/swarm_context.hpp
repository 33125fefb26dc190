// What the parts of one swarm share: the torrent, the peers, the pool, and where actions go.
//
// Core file. Owned by Swarm; `now` and `actions` are set for the duration of one event.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <vector>

#include "bt/base/bitfield.hpp"
#include "bt/base/geometry.hpp"
#include "bt/base/target_set.hpp"
#include "bt/swarm/action.hpp"
#include "bt/swarm/census.hpp"
#include "bt/swarm/peer.hpp"
#include "bt/swarm/segment_pool.hpp"

namespace ezio {

struct SwarmContext {
  SwarmContext(const Geometry& torrent_geometry, std::uint32_t torrent_key, SegmentPool& shared_pool,
               Bitfield zero_pieces, std::uint32_t target_count, bool complete, std::uint64_t random_seed)
      : geometry(torrent_geometry),
        torrent(torrent_key),
        pool(shared_pool),
        zeros(std::move(zero_pieces)),
        targets(TargetSet::first(target_count)),
        census(peers, torrent_geometry, complete, zeros, random_seed),
        have(torrent_geometry.piece_count()) {
    if (complete) have.set_all();
  }

  Geometry geometry;
  std::uint32_t torrent;  // key of this torrent in the shared pool
  SegmentPool& pool;
  Bitfield zeros;     // pieces of zeros: every host of ours makes them itself
  TargetSet targets;  // that have not failed
  PeerTable peers;
  Census census;
  Bitfield have;  // verified pieces
  TimePoint now{};
  Actions* actions = nullptr;

  // A peer that is to be closed when the current event has been dealt with.
  struct Doomed {
    PeerHandle peer;
    std::string reason;
    bool ban = false;
  };
  std::vector<Doomed> doomed;
  // A target that is given up, its consequences to be drawn when the current event has been dealt with.
  struct LostTarget {
    TargetIndex target;
    std::string message;
  };
  std::vector<LostTarget> lost_targets;
  // Segments that were being fetched as a frame, and are no longer: nobody can be sent it by us.
  std::vector<SegmentRef> dropped_frames;
  std::string failure;  // set once an I/O error ends this torrent
  bool over = false;    // finished: nothing new is started
  bool held = false;    // nothing is fetched yet: the target may hold it
  std::vector<PeerHandle> with_output;

  Peer* find(PeerHandle handle) {
    auto found = peers.find(handle);
    return found == peers.end() ? nullptr : &found->second;
  }
  void emit(Action action) {
    assert(actions != nullptr);
    actions->push_back(std::move(action));
  }
  void doom(const Peer& peer, std::string reason) {
    doomed.push_back({peer.handle, std::move(reason), false});
  }
  void ban(const Peer& peer, std::string reason) { doomed.push_back({peer.handle, std::move(reason), true}); }
  void fail(std::string message) {
    if (failure.empty()) failure = std::move(message);
  }
  // The clone goes on with the targets that are left; without any it has failed.
  void lose(TargetIndex target, std::string message) {
    if (over || !targets.contains(target)) return;
    targets.erase(target);
    if (targets.empty()) return fail(std::move(message));
    lost_targets.push_back({target, std::move(message)});
  }
  // Where the peer's messages of this turn are appended; they leave together at its end.
  wire::Buffer& out(Peer& peer) {
    if (peer.out.empty()) with_output.push_back(peer.handle);
    return peer.out;
  }
  void notify(Peer& peer, wire::SegmentNotice::What what, SegmentRef segment) {
    wire::append_notice(out(peer), *peer.notice_id, {what, segment});
  }
  // Tells all of our own but `except`.
  void notify_ours(wire::SegmentNotice::What what, SegmentRef segment,
                   std::optional<PeerHandle> except = {}) {
    for (auto& [handle, peer] : peers) {
      if (peer.active() && peer.ours() && handle != except) notify(peer, what, segment);
    }
  }
  SegmentPool::Key key(SegmentRef segment) const { return {torrent, segment}; }
  SegmentPool::Key frame_key(SegmentRef segment) const { return {torrent, segment, true}; }
};

}  // namespace ezio
