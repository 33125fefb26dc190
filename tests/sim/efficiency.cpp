// Prints how near a swarm comes to the best that any schedule could do: the time of the last of N leechers
// against image / link. Simulated links, the real core; from a seed, so that changes of policy compare.
//
//   swarm_efficiency [PIECES [PIECE_KIB [LINK_MBIT [SEED]]]]
#include <fmt/format.h>

#include <bit>
#include <cstdlib>

#include "sim/swarm_lab.hpp"

namespace ezio::sim {
namespace {

struct Setting {
  std::uint32_t pieces = 64;
  std::uint32_t piece_kib = 1024;
  double link_mbit = 100;
  std::uint64_t seed = 1;
};

void measure(const Setting& setting, std::uint32_t leechers) {
  LabSpec spec;
  spec.leechers = leechers;
  spec.image.piece_length = setting.piece_kib * KiB;
  spec.image.total_length = std::uint64_t{setting.pieces} * spec.image.piece_length;
  spec.image.shrink = full_shrink;
  spec.link.up = spec.link.down = setting.link_mbit * 1e6 / 8;
  Lab lab(setting.seed, spec);
  const TimePoint start = lab.world.clock.now();
  const double ideal = static_cast<double>(spec.image.total_length) / spec.link.up;
  const bool complete = lab.run_until_complete(seconds_of(50 * ideal + 60));
  const double last = seconds_between(start, complete ? lab.last_completion() : lab.world.clock.now());
  const double payload = static_cast<double>(spec.image.total_length);
  const double bound = setting.pieces / (setting.pieces + std::bit_width(leechers) - 1.0);
  fmt::print("{:>8} {:>8.2f} {:>9.3f} {:>9.3f} {:>9.2f} {:>9.2f} {:>8} {:>9}{}\n", leechers, last,
             ideal / last, bound, static_cast<double>(lab.seeder->stats().uploaded) / payload,
             static_cast<double>(lab.wasted()) / payload / leechers * 100, lab.world.network.dials(),
             lab.world.clock.steps() / 1000, complete ? "" : "  INCOMPLETE");
  lab.world.shut_down();
  for (const std::string& violation : lab.world.violations()) fmt::print("  {}\n", violation);
}

}  // namespace
}  // namespace ezio::sim

int main(int argc, char** argv) {
  ezio::sim::Setting setting;
  if (argc > 1) setting.pieces = static_cast<std::uint32_t>(std::atoi(argv[1]));
  if (argc > 2) setting.piece_kib = static_cast<std::uint32_t>(std::atoi(argv[2]));
  if (argc > 3) setting.link_mbit = std::atof(argv[3]);
  if (argc > 4) setting.seed = static_cast<std::uint64_t>(std::atoll(argv[4]));
  fmt::print("{} pieces of {} KiB, links of {} Mbit/s, seed {}\n", setting.pieces, setting.piece_kib,
             setting.link_mbit, setting.seed);
  fmt::print("leechers   last s  of ideal     bound  seeder x   waste %    dials  k events\n");
  for (const std::uint32_t leechers : {1u, 4u, 8u, 16u, 64u}) ezio::sim::measure(setting, leechers);
}
