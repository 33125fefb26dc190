// A room full of hosts to which an image is cloned, and how well that goes: the counterpart of bench/lan.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/world.hpp"

namespace ezio::sim {

struct RoomSpec {
  std::uint32_t hosts = 8;  // leechers
  std::uint32_t pieces = 256;
  std::uint32_t piece_kib = 1024;
  double rate = 12.5e6;  // bytes a second of each link, both ways; as slow_rate, trunk, disk
  std::uint32_t slow_hosts = 0;
  double slow_rate = 1.25e6;
  std::uint32_t joiners = 0;     // hosts that start evenly over the first half of the ideal time
  std::uint32_t vanishing = 0;   // hosts that lose their power at a random time of the first half
  bool seeder_vanishes = false;  // as soon as the leechers together have every piece
  double trunk = 0;              // of a second rack with half of the leechers; 0: one rack
  double disk = 1e9;
  std::size_t degree = 1000;  // connections a host
  std::uint64_t memory_mib = 256;
  Duration queue = std::chrono::milliseconds(20);
  SocketSpec sockets;
  Pauses pauses;
  std::uint32_t quantum = 16 * KiB;
  std::uint64_t seed = 1;
};

struct RoomResult {
  bool complete = false;  // every host that did not vanish
  double ideal = 0;       // seconds, as all times: the image through the slowest link of a host's way
  double first = 0;       // of a host, from its start to its completion
  double last = 0;
  double room = 0;         // from the first start to the last completion
  double fast_room = 0;    // the same without the slow hosts
  double efficiency = 0;   // the worst host's
  double seeder_sent = 0;  // images
  double out_once = 0;     // from the first start until the leechers together have every piece; 0: never
  double first_copy = 0;   // what the seeder had sent by then, images
  double duplicate = 0;    // received in vain, images a host
  double dropped = 0;      // by full queues, images a host
  std::uint64_t dials = 0;
  std::uint64_t steps = 0;
  std::vector<std::string> violations;
};

// Until every host has the image no schedule takes less, from the first start: seconds. The image through the
// seeder's uplink, through the slowest downlink (or disk, or trunk), and all copies through all uplinks.
double fluid_bound(const RoomSpec& spec);
// The same until every host that is not slow has it: the slow ones need not have anything by then.
double fast_fluid_bound(const RoomSpec& spec);

RoomResult run_room(const RoomSpec& spec);

}  // namespace ezio::sim
