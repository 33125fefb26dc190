// Swarm's dealings with hosts that have two connections to us: which of them stays.
#include <algorithm>

#include "bt/swarm/swarm.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;

constexpr Duration twin_patience = 5s;  // who is silent for so long may be dead

bool same_address(const Endpoint& a, const Endpoint& b) {
  return a.address == b.address && a.v6 == b.v6;
}

}  // namespace

// Whether somebody is still there, as far as we know. One of our own that has been silent for a while is
// asked: it answers a keepalive, or is closed soon (keep_alive). Others cannot be asked.
bool Swarm::seems_alive(Peer& peer) {
  if (context_.now - peer.last_heard <= twin_patience) return true;
  if (!peer.ours()) return false;
  if (!peer.asked_at) {
    peer.asked_at = context_.now;
    wire::append_keep_alive(context_.out(peer));
  }
  return true;
}

// Two hosts that dial each other at once must both keep the same connection: the one that the greater id
// opened. Otherwise the older one stays, unless it seems dead: then its machine has lost it. An id counts at
// its address only: whoever claims that of another host is another host.
bool Swarm::keep_over_duplicate(Peer& peer) {
  auto twin = std::find_if(context_.peers.begin(), context_.peers.end(), [&](const auto& entry) {
    return entry.second.active() && entry.second.id == peer.id &&
           same_address(entry.second.remote, peer.remote);
  });
  if (twin == context_.peers.end()) return true;
  const bool crossed = twin->second.incoming != peer.incoming;
  const bool ours_stays = config_.id > peer.id;
  const bool keep_new = (crossed && (peer.incoming != ours_stays)) || !seems_alive(twin->second);
  context_.doom(keep_new ? twin->second : peer, "connected twice");
  return keep_new;
}

// A host that came back after a reset has another id, and listens where it did: what is left of its former
// life is dead, unless it says otherwise.
void Swarm::meet_again(const Peer& peer) {
  const std::optional<Endpoint> here = dialable(peer);
  for (auto& [handle, other] : context_.peers) {
    if (handle >= peer.handle || !other.active() || dialable(other) != here || other.id == peer.id) continue;
    if (!seems_alive(other)) context_.doom(other, "has come back");
  }
}

}  // namespace ezio
