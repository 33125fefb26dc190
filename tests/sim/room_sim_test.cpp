// Rooms that are not all alike: each is done within a little more than the time that no schedule can beat.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "sim/room.hpp"
#include "sim/seeds.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t seeds = 2;
constexpr double slack = 1.15;  // over the bound; frames, TCP and the ends of a clone cost some .10 of it

void expect_near_the_bound(const RoomSpec& spec, double allowed) {
  const RoomResult result = run_room(spec);
  EXPECT_TRUE(result.complete);
  for (const std::string& violation : result.violations) ADD_FAILURE() << violation;
  EXPECT_LT(result.room, allowed * fluid_bound(spec))
      << fmt::format("seeder sent {:.2f}", result.seeder_sent);
  EXPECT_LT(result.fast_room, allowed * fast_fluid_bound(spec));
}

void expect_from_every_seed(const std::function<void(RoomSpec&)>& change, double allowed = slack,
                            std::uint32_t count = seeds) {
  for_each_seed(
      [&](std::uint64_t seed) {
        RoomSpec spec;
        spec.hosts = 20;
        spec.seed = seed;
        change(spec);
        expect_near_the_bound(spec, allowed);
      },
      count);
}

TEST(RoomSim, HostsThatAreAllAlike) {
  expect_from_every_seed([](RoomSpec&) {});
}

TEST(RoomSim, FewLargePieces) {
  expect_from_every_seed([](RoomSpec& spec) {
    spec.pieces = 16;
    spec.piece_kib = 16384;
  });
}

TEST(RoomSim, LargePiecesOfWhichFewFitIntoMemory) {
  expect_from_every_seed([](RoomSpec& spec) {
    spec.pieces = 16;
    spec.piece_kib = 16384;
    spec.memory_mib = 64;
  });
}

TEST(RoomSim, ATenthOfTheHostsAtATenthOfTheRate) {
  expect_from_every_seed([](RoomSpec& spec) { spec.slow_hosts = 2; }, 1.17);
}

TEST(RoomSim, HostsThatJoinOverTheFirstHalf) {
  expect_from_every_seed([](RoomSpec& spec) { spec.joiners = 10; });
}

TEST(RoomSim, ATwentiethOfTheHostsVanishes) {
  expect_from_every_seed([](RoomSpec& spec) { spec.vanishing = 1; });
}

TEST(RoomSim, TheSeederVanishesAfterOneCopy) {
  expect_from_every_seed([](RoomSpec& spec) { spec.seeder_vanishes = true; });
}

// Nobody knows who is in which rack: half of all transfers cross the trunk, which bears half of those.
TEST(RoomSim, TwoRacksBehindATrunkOfAQuarter) {
  expect_from_every_seed([](RoomSpec& spec) { spec.trunk = spec.rate * spec.hosts / 2 / 4; }, 1.7);
}

TEST(RoomSim, DisksSlowerThanTheWire) {
  expect_from_every_seed([](RoomSpec& spec) {
    spec.disk = spec.rate * 0.6;
    spec.memory_mib = 64;
  });
}

TEST(RoomSim, ManyHostsOnSlowLinksFinish) {
  expect_from_every_seed(
      [](RoomSpec& spec) {
        spec.hosts = 64;
        spec.rate = 125e3;
        spec.queue = 200ms;  // as behind a modem
        spec.pieces = 64;
        spec.piece_kib = 256;
      },
      6, 1);
}

}  // namespace
}  // namespace ezio::sim
