// Rooms that are not all alike: each is done within a little more than the time that no schedule can beat.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "sim/room.hpp"
#include "sim/seeds.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

constexpr double slack = 1.15;
constexpr std::uint32_t seeds = 3;

void expect_near_the_bound(const RoomSpec& spec) {
  const RoomResult result = run_room(spec);
  EXPECT_TRUE(result.complete);
  for (const std::string& violation : result.violations) ADD_FAILURE() << violation;
  EXPECT_LT(result.room, slack * fluid_bound(spec)) << fmt::format("seeder sent {:.2f}", result.seeder_sent);
  EXPECT_LT(result.fast_room, slack * fast_fluid_bound(spec));
}

void expect_near_the_bound_from_every_seed(const std::function<void(RoomSpec&)>& change) {
  for_each_seed(
      [&](std::uint64_t seed) {
        RoomSpec spec;
        spec.hosts = 20;
        spec.seed = seed;
        change(spec);
        expect_near_the_bound(spec);
      },
      seeds);
}

TEST(RoomSim, HostsThatAreAllAlike) {
  expect_near_the_bound_from_every_seed([](RoomSpec&) {});
}

TEST(RoomSim, ATenthOfTheHostsAtATenthOfTheRate) {
  expect_near_the_bound_from_every_seed([](RoomSpec& spec) { spec.slow_hosts = 2; });
}

TEST(RoomSim, HostsThatJoinOverTheFirstHalf) {
  expect_near_the_bound_from_every_seed([](RoomSpec& spec) { spec.joiners = 10; });
}

TEST(RoomSim, ATwentiethOfTheHostsVanishes) {
  expect_near_the_bound_from_every_seed([](RoomSpec& spec) { spec.vanishing = 1; });
}

TEST(RoomSim, TheSeederVanishesAfterOneCopy) {
  expect_near_the_bound_from_every_seed([](RoomSpec& spec) { spec.seeder_vanishes = true; });
}

TEST(RoomSim, TwoRacksBehindATrunkOfAQuarter) {
  expect_near_the_bound_from_every_seed([](RoomSpec& spec) { spec.trunk = spec.rate * spec.hosts / 2 / 4; });
}

TEST(RoomSim, DisksSlowerThanTheWire) {
  expect_near_the_bound_from_every_seed([](RoomSpec& spec) {
    spec.disk = spec.rate * 0.6;
    spec.memory_mib = 64;
  });
}

TEST(RoomSim, ManyHostsOnSlowLinks) {
  expect_near_the_bound_from_every_seed([](RoomSpec& spec) {
    spec.hosts = 64;
    spec.rate = 125e3;
    spec.queue = 200ms;  // as behind a modem
    spec.pieces = 64;
    spec.piece_kib = 256;
  });
}

}  // namespace
}  // namespace ezio::sim
