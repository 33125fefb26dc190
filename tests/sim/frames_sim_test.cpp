// Swarms whose hosts send each other segments as zstd frames.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "sim/seeds.hpp"
#include "sim/swarm_lab.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;
using Mode = FramePolicy::Mode;

LabSpec framed(std::uint32_t leechers = 8) {
  LabSpec spec;
  spec.leechers = leechers;
  spec.frames = Mode::always;
  spec.image = {.total_length = 24 * MiB - 5000, .piece_length = 2 * MiB, .shrink = full_shrink, .seed = 1};
  return spec;
}

double downloaded_share(const Lab& lab) {
  double bytes = 0;
  for (const Host* host : lab.leechers) bytes += static_cast<double>(host->stats().downloaded);
  return bytes / static_cast<double>(lab.leechers.size()) / static_cast<double>(lab.spec.image.total_length);
}

TEST(FramesSim, HalfOfTheBytesGoOverTheWire) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, framed());
    EXPECT_TRUE(lab.run_until_complete(60s));
    EXPECT_LT(downloaded_share(lab), 0.56);
    EXPECT_LT(static_cast<double>(lab.seeder->stats().uploaded),
              0.75 * static_cast<double>(lab.spec.image.total_length));
    expect_clean(lab.world);
  });
}

TEST(FramesSim, EachSegmentIsPackedOnceHoweverManyWantIt) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, framed(16));
    EXPECT_TRUE(lab.run_until_complete(60s));
    EXPECT_LE(lab.seeder->reads(), 24u);
    expect_clean(lab.world);
  });
}

TEST(FramesSim, EveryLengthOfAFrameAndOfMessagesWillDo) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec = framed(4);
    spec.image.shrink = no_shrink;
    spec.image.total_length = 3 * MiB + 4321 + seed;
    spec.image.piece_length = seed % 2 == 0 ? 64 * KiB : 2 * MiB;
    spec.quantum = 900 + static_cast<std::uint32_t>(seed) * 531;
    Lab lab(seed, spec, [&](std::uint32_t, HostConfig& config) { config.memory_bytes = 24 * MiB; });
    HostConfig seeder = lab.seeder_config();
    seeder.frame_share = 0.01 + 0.0187 * static_cast<double>(seed % 50);
    lab.add(seeder);
    EXPECT_TRUE(lab.run_until_complete(60s));
    expect_clean(lab.world);
  });
}

TEST(FramesSim, TwoSeedersWithOtherFramesAndHostsThatTakeNone) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, framed(10), [](std::uint32_t leecher, HostConfig& config) {
      if (leecher % 5 == 0) config.frames = Mode::never;
      if (leecher % 5 == 1) config.without_extensions = true;
      if (leecher % 5 == 2) config.without_fast = true;
    });
    HostConfig other = lab.seeder_config();
    other.frame_share = 0.3;
    lab.add(other);
    EXPECT_TRUE(lab.run_until_complete(120s));
    expect_clean(lab.world);
  });
}

TEST(FramesSim, WhatDoesNotShrinkGoesAsItIsAndIsSoonTriedNoMore) {
  for_each_seed(
      [](std::uint64_t seed) {
        LabSpec spec = framed(3);
        spec.frames = Mode::automatic;
        spec.image.total_length = 200 * MiB;
        spec.link.up = spec.link.down = 12.5e6;
        Lab lab(seed, spec);
        lab.seeder->kill();
        HostConfig seeder = lab.seeder_config();
        seeder.frame_share = 0.96;
        Host& incompressible = lab.add(seeder);
        EXPECT_TRUE(lab.run_until_complete(200s));
        EXPECT_GT(downloaded_share(lab), 0.99);
        EXPECT_LT(downloaded_share(lab), 1.05);
        EXPECT_LT(incompressible.stats().uploaded, 260 * MiB);
        expect_clean(lab.world);
      },
      5);
}

// The only source packs badly, and its own bytes are right.
TEST(FramesSim, FramesThatUnpackToNothingAreFetchedAsTheyAre) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec = framed(3);
    spec.image.total_length = 6 * MiB;
    Lab lab(seed, spec);
    lab.seeder->kill();
    HostConfig seeder = lab.seeder_config();
    seeder.packs_badly = true;
    lab.add(seeder);
    EXPECT_TRUE(lab.run_until_complete(120s));
    expect_clean(lab.world);
  });
}

TEST(FramesSim, AHostThatCorruptsFramesIsBannedAndTheOthersComplete) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec = framed(8);
    Lab lab(seed, spec);
    HostConfig liar = lab.seeder_config();
    liar.corrupts = [](std::uint64_t block) { return block % 3 == 0; };
    const Host& liar_host = lab.add(liar);
    EXPECT_TRUE(lab.run_until_complete(120s));
    const std::string name = "banned peer " + address_text(lab.world.address(liar_host.node())) + ":";
    for (const Host* host : lab.leechers) {
      for (const std::string& note : host->notes()) {
        if (!note.starts_with("banned peer")) continue;
        EXPECT_THAT(note, testing::StartsWith(name)) << "an honest peer was banned";
      }
    }
    expect_clean(lab.world);
  });
}

TEST(FramesSim, SourcesThatVanishHalfWayAreReplacedByOthers) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, framed(8));
    Host& second = lab.add(lab.seeder_config());
    lab.world.run_for(150ms + 10ms * (seed % 40));
    second.power_off();
    lab.leechers[0]->kill();
    for (std::uint32_t i = 1; i < 5; ++i) {
      lab.leechers[i]->drop_connection(seed % 3);
      lab.world.run_for(20ms);
    }
    EXPECT_TRUE(lab.run_until_complete(200s, {0}));
    expect_clean(lab.world);
  });
}

// The frames of an image do not all fit into the seeder's memory: what it offers it still has when that is
// asked for. Else everybody fetches the segment from it as it is.
TEST(FramesSim, WhatIsOfferedIsNotEvicted) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec = framed(16);
    spec.image.total_length = 64 * MiB;
    spec.image.piece_length = MiB;
    Lab lab(seed, spec);
    lab.seeder->kill();
    HostConfig config = lab.seeder_config();
    config.memory_bytes = 48 * MiB;
    Host& seeder = lab.add(config);
    EXPECT_TRUE(lab.run_until_complete(300s));
    EXPECT_LT(static_cast<double>(seeder.stats().uploaded),
              0.6 * static_cast<double>(lab.spec.image.total_length));
    expect_clean(lab.world);
  });
}

// Until it is known that frames pay, segments go as they are: few of them, however many hosts wait for one.
TEST(FramesSim, ARoomBeginsWithFewPlainSegments) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec = framed(16);
    spec.frames = Mode::automatic;
    spec.image.total_length = 64 * MiB;
    spec.image.piece_length = MiB;
    Lab lab(seed, spec);
    EXPECT_TRUE(lab.run_until_complete(100s));
    for (const Host* host : lab.leechers) EXPECT_GT(host->stats().unpacked, 52 * MiB);
    expect_clean(lab.world);
  });
}

// Room for a piece and little more: frames are taken where there is room, and nothing waits for ever.
TEST(FramesSim, LittleMemoryWillDo) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, framed(6),
            [&](std::uint32_t leecher, HostConfig& config) { config.memory_bytes = (6 + leecher) * MiB; });
    lab.seeder->kill();  // who has plenty
    HostConfig seeder = lab.seeder_config();
    seeder.memory_bytes = (4 + seed % 8) * MiB;
    lab.add(seeder);
    EXPECT_TRUE(lab.run_until_complete(200s));
    expect_clean(lab.world);
  });
}

// Seconds of some runs together.
double seconds(Mode mode, const LabSpec& usual, std::uint32_t seeds) {
  double sum = 0;
  for_each_seed(
      [&](std::uint64_t seed) {
        LabSpec spec = usual;
        spec.frames = mode;
        Lab lab(seed, spec);
        const TimePoint start = lab.world.clock.now();
        EXPECT_TRUE(lab.run_until_complete(100s));
        expect_clean(lab.world);
        sum += std::chrono::duration<double>(lab.last_completion() - start).count();
      },
      seeds);
  return sum;
}

// Where the link is faster than the processor, nobody waits for frames.
TEST(FramesSim, AFastLinkIsNotHeldUp) {
  LabSpec spec = framed(2);
  spec.image.total_length = 400 * MiB;
  spec.link.up = spec.link.down = 1e9;
  EXPECT_LT(seconds(Mode::automatic, spec, 8), 1.03 * seconds(Mode::never, spec, 8));
}

// ... and where it is slower, the clone takes little more than half of the time.
TEST(FramesSim, ASlowLinkIsFilledTwice) {
  LabSpec spec = framed(6);
  spec.image.total_length = 100 * MiB;
  EXPECT_LT(seconds(Mode::automatic, spec, 4), 0.62 * seconds(Mode::never, spec, 4));
}

}  // namespace
}  // namespace ezio::sim
