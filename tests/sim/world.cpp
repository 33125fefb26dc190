#include "sim/world.hpp"

#include <algorithm>

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t port = 6881;
constexpr Duration check_interval = 50ms;
constexpr std::size_t max_violations = 5;  // the first ones tell the most

}  // namespace

World::World(std::uint64_t seed, std::uint32_t quantum)
    : random(seed),
      network(clock, seed + 2, quantum, [this](std::string what) { violation(std::move(what)); }),
      tracker(clock, seed + 1) {}

Endpoint World::address(NodeId node) const {
  Endpoint endpoint;
  endpoint.address = {10, static_cast<std::uint8_t>(node.value() >> 8),
                      static_cast<std::uint8_t>(node.value()), 1};
  endpoint.port = port;
  return endpoint;
}

NodeId World::add_node(const LinkSpeed& speed, std::uint32_t rack) {
  return network.add_node(address(NodeId{nodes_++}), speed, rack);
}

Host& World::start(NodeId node, HostConfig config) {
  network.power_on(node);
  return *hosts_.emplace_back(std::make_unique<Host>(*this, node, std::move(config)));
}

bool World::run(Duration limit, const std::function<bool()>& done) {
  const TimePoint end = clock.now() + limit;
  TimePoint next_check = clock.now();
  while (!clock.idle() && clock.next() <= end && violations_.empty()) {
    if (clock.next() >= next_check) {
      if (done()) return true;
      next_check = clock.next() + check_interval;
    }
    clock.step();
  }
  return violations_.empty() && done();
}

void World::shut_down() {
  for (auto& host : hosts_) host->stop();
  const bool quiet = run(10min, [this] {
    return std::all_of(hosts_.begin(), hosts_.end(), [](const auto& host) { return host->quiet(); });
  });
  if (!quiet) violation("a stopped swarm did not come to rest");
  if (violations_.empty()) {
    for (auto& host : hosts_) host->destroy_swarms();
  }
}

void World::violation(std::string what) {
  if (violations_.size() < max_violations) violations_.push_back(std::move(what));
}

}  // namespace ezio::sim
