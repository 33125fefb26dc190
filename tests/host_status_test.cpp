#include "tools/peer/host_status.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

SwarmStats stats_in(SwarmStats::State state) {
  SwarmStats stats;
  stats.state = state;
  stats.pieces = 10;
  return stats;
}

HostState leecher(const SwarmStats& stats) {
  return host_state(stats, false, PairStage::cloning);
}

TEST(HostStatus, WaitsUntilThereIsSomebody) {
  SwarmStats stats = stats_in(SwarmStats::State::downloading);
  EXPECT_EQ(leecher(stats), HostState::waiting);
  stats.peers = 1;
  EXPECT_EQ(leecher(stats), HostState::leeching);
  stats.peers = 0;
  stats.verified_pieces = 3;
  EXPECT_EQ(leecher(stats), HostState::leeching) << "it has begun, and its peers have gone";
}

TEST(HostStatus, ChecksWhileTheTargetIsAskedAndNothingIsFetched) {
  SwarmStats stats = stats_in(SwarmStats::State::downloading);
  stats.checking = true;
  EXPECT_EQ(leecher(stats), HostState::checking);
  stats.downloaded = 16'384;
  stats.peers = 2;
  EXPECT_EQ(leecher(stats), HostState::leeching);
}

TEST(HostStatus, IsNotDoneBeforeTheDeviceHasBeenReadBack) {
  EXPECT_EQ(leecher(stats_in(SwarmStats::State::flushing)), HostState::verifying);
  EXPECT_EQ(leecher(stats_in(SwarmStats::State::verifying)), HostState::verifying);
  EXPECT_EQ(leecher(stats_in(SwarmStats::State::complete)), HostState::verifying);
  EXPECT_EQ(host_state(stats_in(SwarmStats::State::complete), false, PairStage::complete), HostState::done);
}

TEST(HostStatus, IsNotDoneBeforeItsLastWorksAre) {
  for (const auto state : {SwarmStats::State::complete, SwarmStats::State::finished}) {
    EXPECT_EQ(host_state(stats_in(state), false, PairStage::finishing), HostState::finishing);
    EXPECT_EQ(host_state(stats_in(state), false, PairStage::complete), HostState::done);
  }
}

TEST(HostStatus, OneThatWasStoppedHalfWayIsNotDone) {
  SwarmStats stats = stats_in(SwarmStats::State::finished);
  stats.verified_pieces = 5;
  EXPECT_EQ(leecher(stats), HostState::leeching);
}

TEST(HostStatus, AFailureIsOneInEveryState) {
  for (const auto state :
       {SwarmStats::State::downloading, SwarmStats::State::complete, SwarmStats::State::finished}) {
    EXPECT_EQ(host_state(stats_in(state), false, PairStage::failed), HostState::failed);
    EXPECT_EQ(host_state(stats_in(state), true, PairStage::failed), HostState::failed);
  }
}

TEST(HostStatus, ASeedSeeds) {
  EXPECT_EQ(host_state(stats_in(SwarmStats::State::complete), true, PairStage::cloning), HostState::seeding);
}

TEST(HostStatus, PiecesAreCountedByWhereTheyCameFrom) {
  SwarmStats stats = stats_in(SwarmStats::State::downloading);
  stats.verified_pieces = 6;
  stats.reused = 2 * 64 * KiB;
  stats.zeroed = 64 * KiB + 5;  // the last one is short
  stats.from_seeds = 64 * KiB;
  stats.from_leechers = 64 * KiB;
  Bitfield have(10);
  for (std::uint32_t i = 0; i < 6; ++i) have.set(PieceIndex{i});
  HostReport report;
  add_progress(report, stats, have, 64 * KiB);
  EXPECT_EQ(report.pieces, 10u);
  EXPECT_EQ(report.have, 6u);
  EXPECT_EQ(report.reused, 2u);
  EXPECT_EQ(report.zeroed, 2u);
  EXPECT_EQ(report.fetched, 2u);
  ASSERT_EQ(report.map.size(), 10u);
  EXPECT_EQ(report.map[5], 255);
  EXPECT_EQ(report.map[6], 0);
}

TEST(HostStatus, ATargetSaysItsDiskAndWhyItWasRefused) {
  PeerJob job;
  job.pair.path = "/dev/sdz";
  job.description.disk.model = "Disk 3000";
  job.description.disk.serial = "S123";
  TargetReport report = target_report(job, HostState::leeching);
  EXPECT_EQ(report.path, "/dev/sdz");
  EXPECT_EQ(report.model, "Disk 3000");
  EXPECT_EQ(report.serial, "S123");
  EXPECT_EQ(report.state, HostState::leeching);
  job.failure = Failure{"/dev/sdz is mounted", ExitCode::refused};
  report = target_report(job, HostState::leeching);
  EXPECT_EQ(report.state, HostState::failed);
  EXPECT_EQ(report.error, "/dev/sdz is mounted");
}

}  // namespace
}  // namespace ezio
