// Who is not let in any more: by address, since an id is what its owner says.
//
// The evidence is of one client, so its address and the port on which it listens are banned; where it does
// not say where it listens, all from its address that do not: another client there has to name its port
// before it takes or gives a block, which is one more to be banned. Several bans at one address ban
// the address: ports are free, addresses are not. Bounded: the oldest is forgotten. Core file; part of Swarm.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

#include "bt/base/endpoint.hpp"

namespace ezio {

class Bans {
 public:
  static constexpr std::size_t most_bans = 1024;
  static constexpr std::ptrdiff_t most_at_address = 3;

  // endpoint.port: where it listens; 0: it did not say. Of banned() too.
  void add(const Endpoint& endpoint) {
    if (banned(endpoint)) return;
    if (bans_.size() == most_bans) bans_.pop_front();
    bans_.push_back(endpoint);
  }
  bool banned(const Endpoint& endpoint) const {
    return std::find(bans_.begin(), bans_.end(), endpoint) != bans_.end() || address_banned(endpoint);
  }
  // Whatever its port.
  bool address_banned(const Endpoint& endpoint) const {
    return std::count_if(bans_.begin(), bans_.end(), [&](const Endpoint& ban) {
             return ban.address == endpoint.address && ban.v6 == endpoint.v6;
           }) >= most_at_address;
  }
  std::size_t size() const { return bans_.size(); }

 private:
  std::deque<Endpoint> bans_;  // oldest first
};

}  // namespace ezio
