// Clones an image to a simulated room full of hosts and says how well it went: bench/lan without the machine.
// From a seed, so that changes of policy compare.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>

#include "sim/room.hpp"

namespace ezio::sim {
namespace {

struct Options {
  RoomSpec room;
  std::vector<std::uint32_t> hosts{8};
  std::uint32_t image_mib = 256;
  double rate_mbit = 100;
  double slow_mbit = 10;
  double trunk_mbit = 0;
  double disk_mb = 1000;
  std::uint32_t queue_ms = 20;
  std::uint32_t quantum_kib = 16;
  std::uint32_t send_buffer_kib = 4096;
  std::uint32_t not_sent_kib = 32;
  double pause_ms = 60;
  std::uint32_t runs = 1;
  bool json = false;
};

void describe(CLI::App& app, Options& o) {
  app.add_option("--hosts", o.hosts, "leechers; several: one room after the other")->delimiter(',');
  app.add_option("--image-mib", o.image_mib, "the image; default 256");
  app.add_option("--piece-kib", o.room.piece_kib, "a power of two; default 1024");
  app.add_option("--rate", o.rate_mbit, "Mbit/s of each link, both ways; default 100");
  app.add_option("--queue-ms", o.queue_ms, "of each end of a link; default 20");
  app.add_option("--slow-hosts", o.room.slow_hosts, "so many have a slow link");
  app.add_option("--slow-rate", o.slow_mbit, "of those; default 10");
  app.add_option("--joiners", o.room.joiners, "so many start over the first half of the ideal time");
  app.add_option("--vanish", o.room.vanishing, "so many lose their power in the first half");
  app.add_flag("--cut-seeder", o.room.seeder_vanishes, "once the leechers together have every piece");
  app.add_option("--trunk", o.trunk_mbit, "half of the leechers are in a second rack behind this");
  app.add_option("--disk", o.disk_mb, "MB/s that a host writes; default 1000");
  app.add_option("--degree", o.room.degree, "connections a host at most");
  app.add_option("--memory", o.room.memory_mib, "MiB; default 256");
  app.add_option("--send-buffer-kib", o.send_buffer_kib, "the largest of a socket; default 4096");
  app.add_option("--not-sent-kib", o.not_sent_kib, "TCP_NOTSENT_LOWAT; 0: none; default 32");
  app.add_option("--pauses", o.room.pauses.a_second, "of each program, a second; default 0");
  app.add_option("--pause-ms", o.pause_ms, "the longest; default 60");
  app.add_option("--quantum-kib", o.quantum_kib,
                 "what leaves a host in one go; coarse from 128 on; default 16");
  app.add_option("--seed", o.room.seed, "decides everything");
  app.add_option("--runs", o.runs, "medians of so many seeds; default 1");
  app.add_flag("--json", o.json, "one object a room instead of the table");
}

void settle(Options& o) {
  constexpr double mbit = 1e6 / 8;
  o.room.rate = o.rate_mbit * mbit;
  o.room.slow_rate = o.slow_mbit * mbit;
  o.room.trunk = o.trunk_mbit * mbit;
  o.room.disk = o.disk_mb * 1e6;
  o.room.pieces = static_cast<std::uint32_t>(std::uint64_t{o.image_mib} * KiB / o.room.piece_kib);
  o.room.queue = std::chrono::milliseconds(o.queue_ms);
  o.room.pauses.longest = seconds_of(o.pause_ms / 1000);
  o.room.quantum = o.quantum_kib * KiB;
  o.room.sockets.most_send = std::uint64_t{o.send_buffer_kib} * KiB;
  o.room.sockets.not_sent_lowat =
      o.not_sent_kib > 0 ? std::uint64_t{o.not_sent_kib} * KiB : ~std::uint64_t{0};
}

// The run whose last finisher is the median one.
RoomResult measure(const Options& options, std::uint32_t hosts) {
  std::vector<RoomResult> results;
  for (std::uint32_t run = 0; run < options.runs; ++run) {
    RoomSpec spec = options.room;
    spec.hosts = hosts;
    spec.seed += run;
    results.push_back(run_room(spec));
  }
  const auto middle = results.begin() + (options.runs - 1) / 2;
  std::nth_element(results.begin(), middle, results.end(),
                   [](const RoomResult& a, const RoomResult& b) { return a.last < b.last; });
  return *middle;
}

void print(const Options& options, std::uint32_t hosts, const RoomResult& r) {
  RoomSpec spec = options.room;
  spec.hosts = hosts;
  const char* form = options.json
                         ? "{{\"hosts\": {}, \"ideal_s\": {:.2f}, \"first_s\": {:.3f}, \"last_s\": {:.3f}, "
                           "\"efficiency\": {:.3f}, "
                           "\"seed_sent\": {:.3f}, \"out_once_s\": {:.2f}, \"first_copy\": {:.3f}, "
                           "\"duplicate\": {:.4f}, \"bound_s\": {:.2f}, \"room_s\": {:.3f}, "
                           "\"dropped\": {:.4f}, \"dials\": {}, \"steps\": {}, \"complete\": {}}}\n"
                         : "{:>5} {:>8.1f} {:>8.2f} {:>8.2f} {:>11.3f} {:>10.2f} {:>6.2f} {:>10.3f} "
                           "{:>10.3f} {:>8.1f} {:>7.2f} "
                           "{:>8.3f} {:>7} {:>10}"
                           "  {}\n";
  fmt::print(fmt::runtime(form), hosts, r.ideal, r.first, r.last, r.efficiency, r.seeder_sent, r.out_once,
             r.first_copy, r.duplicate, fluid_bound(spec), r.room, r.dropped, r.dials, r.steps, r.complete);
  for (const std::string& violation : r.violations) fmt::print(stderr, "{}\n", violation);
  std::fflush(stdout);
}

int run(Options& options) {
  settle(options);
  if (!options.json) {
    fmt::print("{:g} Mbit/s, {} MiB, pieces of {} KiB; medians of {}\n\n", options.rate_mbit,
               options.image_mib, options.room.piece_kib, options.runs);
    fmt::print(
        "hosts  ideal s  first s   last s  efficiency  seed sent  out s first copy  duplicate  "
        "bound s  room s  dropped   dials      steps  complete\n");
  }
  bool good = true;
  for (const std::uint32_t hosts : options.hosts) {
    const RoomResult result = measure(options, hosts);
    print(options, hosts, result);
    good &= result.complete && result.violations.empty();
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace ezio::sim

int main(int argc, char** argv) {
  CLI::App app("Clones an image to a simulated room full of hosts; the columns are those of bench/lan.");
  ezio::sim::Options options;
  ezio::sim::describe(app, options);
  CLI11_PARSE(app, argc, argv);
  return ezio::sim::run(options);
}
