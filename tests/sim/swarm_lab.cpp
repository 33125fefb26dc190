#include "sim/swarm_lab.hpp"

#include <algorithm>
#include <cstdlib>

namespace ezio::sim {

// EZIO_SIM_FRAMES=1: all scenarios once more, with hosts that send each other frames.
FramePolicy::Mode usual_frames() {
  return std::getenv("EZIO_SIM_FRAMES") != nullptr ? FramePolicy::Mode::always : FramePolicy::Mode::never;
}

Lab::Lab(std::uint64_t seed, const LabSpec& lab_spec, const Change& change)
    : spec(lab_spec), image(lab_spec.image), world(seed, lab_spec.quantum) {
  seeder = &add(seeder_config());
  for (std::uint32_t i = 0; i < spec.leechers; ++i) {
    HostConfig config = leecher_config();
    if (change) change(i, config);
    leechers.push_back(&add(std::move(config)));
  }
}

HostConfig Lab::leecher_config() const {
  HostConfig config;
  config.frames = spec.frames;
  config.jobs.emplace_back().image = &image;
  return config;
}

HostConfig Lab::seeder_config() const {
  HostConfig config = leecher_config();
  config.jobs[0].seeding = true;
  return config;
}

bool Lab::complete(const std::vector<std::uint32_t>& except) const {
  for (std::uint32_t i = 0; i < leechers.size(); ++i) {
    const bool excepted = std::find(except.begin(), except.end(), i) != except.end();
    if (!excepted && !leechers[i]->completed()) return false;
  }
  return true;
}

bool Lab::run_until_complete(Duration limit, const std::vector<std::uint32_t>& except) {
  return world.run(limit, [&] { return complete(except); });
}

TimePoint Lab::last_completion() const {
  TimePoint last{};
  for (const Host* host : leechers) {
    if (host->completed()) last = std::max(last, host->completed_at());
  }
  return last;
}

std::uint64_t Lab::wasted() const {
  std::uint64_t bytes = 0;
  for (const Host* host : leechers) bytes += host->stats().wasted;
  return bytes;
}

bool Lab::chance(double probability) {
  return std::uniform_real_distribution<double>(0, 1)(world.random) < probability;
}

}  // namespace ezio::sim
