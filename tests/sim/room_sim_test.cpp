// Rooms that are not all alike: each is done within a little more than the time that no schedule can beat.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/room.hpp"
#include "sim/seeds.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

constexpr double slack = 1.15;
constexpr std::uint32_t seeds = 3;

RoomSpec room(std::uint64_t seed) {
  RoomSpec spec;
  spec.hosts = 20;
  spec.seed = seed;
  return spec;
}

void expect_near_the_bound(const RoomSpec& spec) {
  const RoomResult result = run_room(spec);
  EXPECT_TRUE(result.complete);
  for (const std::string& violation : result.violations) ADD_FAILURE() << violation;
  EXPECT_LT(result.room, slack * fluid_bound(spec)) << fmt::format("seeder sent {:.2f}", result.seeder_sent);
  EXPECT_LT(result.fast_room, slack * fast_fluid_bound(spec));
}

TEST(RoomSim, HostsThatAreAllAlike) {
  for_each_seed([](std::uint64_t seed) { expect_near_the_bound(room(seed)); }, seeds);
}

TEST(RoomSim, ATenthOfTheHostsAtATenthOfTheRate) {
  for_each_seed(
      [](std::uint64_t seed) {
        RoomSpec spec = room(seed);
        spec.slow_hosts = 2;
        expect_near_the_bound(spec);
      },
      seeds);
}

TEST(RoomSim, HostsThatJoinOverTheFirstHalf) {
  for_each_seed(
      [](std::uint64_t seed) {
        RoomSpec spec = room(seed);
        spec.joiners = 10;
        expect_near_the_bound(spec);
      },
      seeds);
}

TEST(RoomSim, ATwentiethOfTheHostsVanishes) {
  for_each_seed(
      [](std::uint64_t seed) {
        RoomSpec spec = room(seed);
        spec.vanishing = 1;
        expect_near_the_bound(spec);
      },
      seeds);
}

TEST(RoomSim, TheSeederVanishesAfterOneCopy) {
  for_each_seed(
      [](std::uint64_t seed) {
        RoomSpec spec = room(seed);
        spec.seeder_vanishes = true;
        expect_near_the_bound(spec);
      },
      seeds);
}

TEST(RoomSim, TwoRacksBehindATrunkOfAQuarter) {
  for_each_seed(
      [](std::uint64_t seed) {
        RoomSpec spec = room(seed);
        spec.trunk = spec.rate * spec.hosts / 2 / 4;
        expect_near_the_bound(spec);
      },
      seeds);
}

TEST(RoomSim, DisksSlowerThanTheWire) {
  for_each_seed(
      [](std::uint64_t seed) {
        RoomSpec spec = room(seed);
        spec.disk = spec.rate * 0.6;
        spec.memory_mib = 64;
        expect_near_the_bound(spec);
      },
      seeds);
}

TEST(RoomSim, ManyHostsOnSlowLinks) {
  for_each_seed(
      [](std::uint64_t seed) {
        RoomSpec spec = room(seed);
        spec.hosts = 64;
        spec.rate = 125e3;
        spec.queue = 200ms;  // as behind a modem
        spec.pieces = 64;
        spec.piece_kib = 256;
        expect_near_the_bound(spec);
      },
      seeds);
}

}  // namespace
}  // namespace ezio::sim
