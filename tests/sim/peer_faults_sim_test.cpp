// Peers that lie, fall silent or go away: the others complete all the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/seeds.hpp"
#include "sim/swarm_lab.hpp"

namespace ezio::sim {
namespace {

using namespace std::chrono_literals;

std::uint32_t times_banned(const Lab& lab, const Host& liar) {
  const std::string name = "banned peer " + address_text(lab.world.address(liar.node())) + ":";
  std::uint32_t bans = 0;
  for (const Host* host : lab.leechers) {
    for (const std::string& note : host->notes()) {
      if (!note.starts_with("banned peer")) continue;
      EXPECT_THAT(note, testing::StartsWith(name)) << "an honest peer was banned";
      ++bans;
    }
  }
  return bans;
}

Host& add_liar(Lab& lab, std::function<bool(std::uint64_t)> corrupts) {
  HostConfig config = lab.seeder_config();
  config.corrupts = std::move(corrupts);
  return lab.add(std::move(config));
}

TEST(PeerFaultsSim, APeerThatAlwaysCorruptsIsBannedAndTheOthersComplete) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, {});
    const Host& liar = add_liar(lab, [](std::uint64_t) { return true; });
    EXPECT_TRUE(lab.run_until_complete(120s));
    EXPECT_GT(times_banned(lab, liar), lab.leechers.size() / 2);
    expect_clean(lab.world);
  });
}

TEST(PeerFaultsSim, APeerThatCorruptsSomeBlocksIsBannedAndTheOthersComplete) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 8;
    Lab lab(seed, spec);
    const std::uint64_t period = 2 + seed % 7;
    const Host& liar = add_liar(lab, [=](std::uint64_t block) { return block % period == 0; });
    EXPECT_TRUE(lab.run_until_complete(120s));
    EXPECT_GT(times_banned(lab, liar), 0u);
    expect_clean(lab.world);
  });
}

TEST(PeerFaultsSim, TheOneWhoCorruptsIsToldFromOthersWhoSentBlocksOfTheSamePieces) {
  std::uint32_t runs = 0;
  std::uint32_t caught = 0;
  for_each_seed([&](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 1;
    // Two blocks make up a window: almost every piece has several contributors.
    spec.image = {.total_length = 32 * MiB, .piece_length = 2 * MiB, .shrink = full_shrink, .seed = 1};
    Lab lab(seed, spec, [](std::uint32_t, HostConfig& config) { config.largest_request = 16 * KiB; });
    for (int i = 0; i < 3; ++i) lab.add(lab.seeder_config());
    const Host& liar = add_liar(lab, [](std::uint64_t block) { return block % 3 == 0; });
    EXPECT_TRUE(lab.run_until_complete(120s));
    const std::uint32_t bans = times_banned(lab, liar);
    EXPECT_LE(bans, 1u);
    ++runs;
    caught += bans;
    expect_clean(lab.world);
  });
  // Where it had a part in the last pieces only, all is complete before it is tried alone.
  EXPECT_GE(caught, runs * 9 / 10);
}

TEST(PeerFaultsSim, ACorruptingPeerThatComesAndGoesLeavesNoPieceStuck) {
  for_each_seed([](std::uint64_t seed) {
    LabSpec spec;
    spec.leechers = 2;
    spec.image = {.total_length = 12 * MiB, .piece_length = 1 * MiB, .shrink = full_shrink, .seed = 1};
    Lab lab(seed, spec);
    Host& liar = add_liar(lab, [](std::uint64_t block) { return block % 4 == 0; });
    std::function<void()> flee = [&] {
      liar.drop_connection(lab.world.random() % 2);
      lab.world.clock.after(30ms, flee);
    };
    flee();
    EXPECT_TRUE(lab.run_until_complete(120s));
    expect_clean(lab.world);
  });
}

TEST(PeerFaultsSim, APeerThatFallsSilentInTheMiddleOfABlockHoldsNobodyUp) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, {});
    const Host& mute = lab.add(lab.seeder_config());
    lab.world.network.freeze_after(mute.node(), lab.world.random() % (3 * MiB));
    EXPECT_TRUE(lab.run_until_complete(120s));
    expect_clean(lab.world);
  });
}

TEST(PeerFaultsSim, APeerThatAnswersNoRequestHoldsNobodyUp) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, {});
    HostConfig config = lab.seeder_config();
    config.ignores_requests = true;
    lab.add(std::move(config));
    EXPECT_TRUE(lab.run_until_complete(120s));
    expect_clean(lab.world);
  });
}

void drop_some(Lab& lab) {
  Host* host = lab.leechers[lab.world.random() % lab.leechers.size()];
  host->drop_connection(lab.world.random() % 8);
  lab.world.clock.after(20ms, [&lab] { drop_some(lab); });
}

TEST(PeerFaultsSim, ConnectionsThatBreakAtRandomHoldNobodyUp) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, {});
    drop_some(lab);
    EXPECT_TRUE(lab.run_until_complete(120s));
    expect_clean(lab.world);
  });
}

TEST(PeerFaultsSim, LeechersThatDieAreNotMissed) {
  for_each_seed([](std::uint64_t seed) {
    Lab lab(seed, {});
    std::vector<std::uint32_t> victims;
    for (std::uint32_t victim : {3u, 7u, 11u}) {
      victims.push_back(victim);
      lab.world.clock.after(std::chrono::milliseconds(lab.world.random() % 2000), [&lab, victim] {
        victim == 7 ? lab.leechers[victim]->power_off() : lab.leechers[victim]->kill();
      });
    }
    EXPECT_TRUE(lab.run_until_complete(120s, victims));
    expect_clean(lab.world);
  });
}

void seeder_dies_and_returns(std::uint64_t seed, void (Host::*die)()) {
  Lab lab(seed, {});
  lab.world.run(60s, [&] { return lab.leechers[0]->stats().verified_pieces > 4; });
  (lab.seeder->*die)();
  lab.world.run_for(5s);
  const bool without = lab.complete({});
  lab.world.start(lab.seeder->node(), lab.seeder_config());
  EXPECT_TRUE(lab.run_until_complete(300s));
  EXPECT_FALSE(without) << "nothing was left for the seeder to do";
  expect_clean(lab.world);
}

TEST(PeerFaultsSim, ASeederThatIsKilledAndReturnsFinishesItsWork) {
  for_each_seed([](std::uint64_t seed) { seeder_dies_and_returns(seed, &Host::kill); });
}

TEST(PeerFaultsSim, ASeederThatLosesPowerAndReturnsFinishesItsWork) {
  for_each_seed([](std::uint64_t seed) { seeder_dies_and_returns(seed, &Host::power_off); });
}

}  // namespace
}  // namespace ezio::sim
