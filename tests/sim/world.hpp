// One simulated run: the clock, the network, a tracker, the hosts, and what went wrong.
//
// Everything that happens follows from the seed. World owns the hosts; images outlive it.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sim/host.hpp"
#include "sim/network.hpp"
#include "sim/trace.hpp"
#include "sim/tracker.hpp"

namespace ezio::sim {

class World {
 public:
  // `quantum`: bytes that a node sends of one stream before it is the next one's turn.
  explicit World(std::uint64_t seed, std::uint32_t quantum = 16 * KiB);

  NodeId add_node(const LinkSpeed& speed = {}, std::uint32_t rack = 0);
  Endpoint address(NodeId node) const;
  Host& start(NodeId node, HostConfig config);
  Host& start(HostConfig config, const LinkSpeed& speed = {}) {
    return start(add_node(speed), std::move(config));
  }

  // Runs until `done` (asked now and then) or the time is up; false when it was up or something went wrong.
  bool run(Duration limit, const std::function<bool()>& done);
  void run_for(Duration time) {
    run(time, [] { return false; });
  }
  // Stops every host, waits for what is in flight, destroys the swarms and checks that nothing leaked.
  void shut_down();

  void violation(std::string what);
  const std::vector<std::string>& violations() const { return violations_; }

  Clock clock;
  std::mt19937_64 random;
  Network network;
  Tracker tracker;
  Trace trace;

 private:
  std::uint32_t nodes_ = 0;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::string> violations_;
};

}  // namespace ezio::sim
