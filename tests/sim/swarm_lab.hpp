// The usual swarm of a scenario: an image, a seeder, some leechers.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "sim/world.hpp"

namespace ezio::sim {

FramePolicy::Mode usual_frames();

struct LabSpec {
  std::uint32_t leechers = 20;
  ImageSpec image{
      .total_length = 4 * MiB - 5000, .piece_length = 128 * KiB, .shrink = full_shrink, .seed = 1};
  LinkSpeed link;
  std::uint32_t quantum = 16 * KiB;
  FramePolicy::Mode frames = usual_frames();
};

class Lab {
 public:
  using Change = std::function<void(std::uint32_t leecher, HostConfig&)>;

  // Starts the seeder and the leechers; `change` may adjust a leecher's configuration.
  Lab(std::uint64_t seed, const LabSpec& spec, const Change& change = {});

  HostConfig seeder_config() const;
  HostConfig leecher_config() const;
  Host& add(HostConfig config) { return world.start(std::move(config), spec.link); }
  // All leechers but those that the test expects to fail.
  bool run_until_complete(Duration limit, const std::vector<std::uint32_t>& except = {});
  bool complete(const std::vector<std::uint32_t>& except) const;
  TimePoint last_completion() const;  // of the leechers that completed
  std::uint64_t wasted() const;       // bytes, over all leechers
  bool chance(double probability);

  LabSpec spec;
  Image image;
  World world;
  Host* seeder;
  std::vector<Host*> leechers;
};

}  // namespace ezio::sim
