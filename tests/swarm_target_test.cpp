// What the swarm asks of its target, before the clone and after it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "swarm_fixture.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

DriverOptions with_target(Reuse::Mode mode) {
  DriverOptions options;
  options.looks_at_target = true;
  options.config.reuse = mode;
  return options;
}

// To the end; `right` of each piece.
void inspect(Driver& driver, const std::function<bool(std::uint32_t piece)>& right) {
  driver.inspect([&](TargetIndex, std::uint32_t piece) { return right(piece); });
}

TEST(SwarmTarget, NothingIsDialledOrFetchedBeforeTheSamplesAreIn) {
  DriverOptions options = with_target(Reuse::Mode::automatic);
  options.config.peers = {*parse_address("10.1.0.1", 7000)};
  Driver driver(options);
  driver.pass(100ms);
  EXPECT_THAT(driver.take<Connect>(), IsEmpty());
  const PeerHandle seed = driver.seed();
  EXPECT_THAT(driver.heard<wire::Request>(seed), IsEmpty());
  inspect(driver, [](std::uint32_t) { return false; });
  EXPECT_THAT(driver.heard<wire::Request>(seed), testing::Not(IsEmpty()));
  EXPECT_THAT(driver.take<Connect>(), SizeIs(1));
}

TEST(SwarmTarget, WhatIsRightIsToldAndTheRestFetched) {
  Driver driver(with_target(Reuse::Mode::all));
  const PeerHandle seed = driver.seed();
  inspect(driver, [](std::uint32_t piece) { return piece != 2; });
  EXPECT_THAT(driver.heard<wire::Have>(seed), SizeIs(3));
  for (const wire::Request& request : driver.heard<wire::Request>(seed)) {
    EXPECT_EQ(request.span.piece, PieceIndex{2});
  }
  EXPECT_EQ(driver.swarm->stats().reused, 2 * 64 * KiB + 40'000u);
}

TEST(SwarmTarget, ARightTargetIsFlushedAndDoneWithoutReadingItTwice) {
  Driver driver(with_target(Reuse::Mode::automatic));
  driver.pass(100ms);
  inspect(driver, [](std::uint32_t) { return true; });
  ASSERT_THAT(driver.take<Flush>(), SizeIs(1));
  driver.event(Flushed{});
  EXPECT_THAT(driver.take<InspectSegment>(), IsEmpty());
  EXPECT_THAT(driver.take<Completed>(), SizeIs(1));
}

TEST(SwarmTarget, ARightTargetThatWasReadThroughACacheIsReadAgainWithoutIt) {
  DriverOptions options = with_target(Reuse::Mode::automatic);
  options.config.targets[0].cached = true;
  Driver driver(options);
  driver.pass(100ms);
  inspect(driver, [](std::uint32_t) { return true; });
  const auto flushes = driver.take<Flush>();
  ASSERT_THAT(flushes, SizeIs(1));
  EXPECT_TRUE(flushes[0].forget_cached);
  driver.event(Flushed{});
  EXPECT_THAT(driver.take<Completed>(), IsEmpty());
  inspect(driver, [](std::uint32_t) { return true; });
  EXPECT_THAT(driver.take<Completed>(), SizeIs(1));
}

TEST(SwarmTarget, ACloneIsCompleteOnlyWhenTheDeviceGivesBackWhatWasWritten) {
  Driver driver(with_target(Reuse::Mode::off));
  const PeerHandle seed = driver.seed();
  driver.serve_all(seed);
  driver.finish_hashing();
  driver.finish_writes();
  driver.event(Flushed{});
  EXPECT_EQ(driver.swarm->stats().state, SwarmStats::State::verifying);
  EXPECT_THAT(driver.take<Completed>(), IsEmpty());
  inspect(driver, [](std::uint32_t) { return true; });
  EXPECT_THAT(driver.take<Completed>(), SizeIs(1));
  EXPECT_EQ(driver.swarm->stats().read_back, 4u);
}

DriverOptions concluded_by_hand() {
  DriverOptions options = with_target(Reuse::Mode::off);
  options.concludes = false;
  return options;
}

void write_all_and_read_back(Driver& driver) {
  const PeerHandle seed = driver.seed();
  driver.serve_all(seed);
  driver.finish_hashing();
  driver.finish_writes();
  driver.event(Flushed{});
  inspect(driver, [](std::uint32_t) { return true; });
}

TEST(SwarmTarget, ACloneIsCompleteOnlyWhenTheLastWorksOnTheDeviceAreDone) {
  Driver driver(concluded_by_hand());
  write_all_and_read_back(driver);
  EXPECT_THAT(driver.take<Conclude>(), SizeIs(1));
  driver.pass(1s);
  EXPECT_THAT(driver.take<Completed>(), IsEmpty());
  EXPECT_EQ(driver.swarm->io_in_flight(), 1u);
  driver.event(Concluded{});
  EXPECT_THAT(driver.take<Completed>(), SizeIs(1));
  EXPECT_EQ(driver.swarm->io_in_flight(), 0u);
}

TEST(SwarmTarget, LastWorksThatTakeTheirTimeAreNoStall) {
  DriverOptions options = concluded_by_hand();
  options.config.stall_timeout = 10s;
  Driver driver(options);
  write_all_and_read_back(driver);
  driver.pass(60s);
  EXPECT_THAT(driver.take<Finished>(), IsEmpty());
  driver.event(StorageHangs{"the device has not answered"});
  EXPECT_THAT(driver.take<Finished>(), SizeIs(1));
}

TEST(SwarmTarget, LastWorksThatFailEndTheClone) {
  Driver driver(concluded_by_hand());
  write_all_and_read_back(driver);
  driver.event(Concluded{"the file system is larger than the target"});
  EXPECT_THAT(driver.take<Completed>(), IsEmpty());
  const auto finished = driver.take<Finished>();
  ASSERT_THAT(finished, SizeIs(1));
  EXPECT_EQ(finished[0].outcome, SwarmOutcome::io_error);
  EXPECT_EQ(finished[0].message, "the file system is larger than the target");
}

TEST(SwarmTarget, WhoIsStoppedDuringTheLastWorksIsNotComplete) {
  Driver driver(concluded_by_hand());
  write_all_and_read_back(driver);
  driver.event(StopRequested{});
  driver.event(Concluded{});
  EXPECT_THAT(driver.take<Completed>(), IsEmpty());
}

TEST(SwarmTarget, WhatIsWrongOnceIsFetchedAgainAndEverythingReadAgain) {
  Driver driver(with_target(Reuse::Mode::off));
  const PeerHandle seed = driver.seed();
  driver.serve_all(seed);
  driver.finish_hashing();
  driver.finish_writes();
  driver.event(Flushed{});
  inspect(driver, [](std::uint32_t piece) { return piece != 1; });
  EXPECT_THAT(driver.take<Completed>(), IsEmpty());
  const auto notes = driver.take<Note>();
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_THAT(notes[0].text, HasSubstr("piece 1 at byte 65536 of the device: the device does not hold"));
  driver.serve_all(seed);
  driver.finish_hashing();
  driver.finish_writes();
  driver.take<Flush>();
  driver.event(Flushed{});
  inspect(driver, [](std::uint32_t) { return true; });
  EXPECT_THAT(driver.take<Completed>(), SizeIs(1));
}

TEST(SwarmTarget, WhatIsWrongTwiceEndsTheClone) {
  Driver driver(with_target(Reuse::Mode::off));
  const PeerHandle seed = driver.seed();
  for (int i = 0; i < 2; ++i) {
    driver.serve_all(seed);
    driver.finish_hashing();
    driver.finish_writes();
    driver.event(Flushed{});
    inspect(driver, [](std::uint32_t piece) { return piece != 3; });
  }
  const auto finished = driver.take<Finished>();
  ASSERT_THAT(finished, SizeIs(1));
  EXPECT_EQ(finished[0].outcome, SwarmOutcome::io_error);
  EXPECT_THAT(finished[0].message, HasSubstr("piece 3 at byte 196608 of the device"));
}

TEST(SwarmTarget, PiecesOfZerosAreMadeHereAndNeverAskedFor) {
  DriverOptions options = with_target(Reuse::Mode::off);
  options.zeros = {0, 3};
  Driver driver(options);
  const PeerHandle seed = driver.seed();
  driver.serve_all(seed);
  driver.finish_hashing();
  driver.finish_writes();
  EXPECT_THAT(driver.take<Flush>(), IsEmpty());
  const auto zeroed = driver.take<ZeroPiece>();
  ASSERT_THAT(zeroed, SizeIs(2));
  for (const ZeroPiece& action : zeroed) driver.event(PieceZeroed{action.piece, {}});
  EXPECT_THAT(driver.take<Flush>(), SizeIs(1));
  EXPECT_EQ(driver.swarm->stats().from_seeds, 2 * 64 * KiB);
  EXPECT_EQ(driver.swarm->stats().zeroed, 64 * KiB + 40'000);
}

TEST(SwarmTarget, ZerosThatCannotBeWrittenEndTheClone) {
  DriverOptions options = with_target(Reuse::Mode::off);
  options.zeros = {0};
  Driver driver(options);
  driver.pass(100ms);
  ASSERT_THAT(driver.take<ZeroPiece>(), SizeIs(1));
  driver.event(PieceZeroed{PieceIndex{0}, "at byte 0 of the device: No space left"});
  const auto finished = driver.take<Finished>();
  ASSERT_THAT(finished, SizeIs(1));
  EXPECT_THAT(finished[0].message, HasSubstr("write of zeros failed: at byte 0"));
}

TEST(SwarmTarget, AHoleInTheTargetIsZerosAlready) {
  DriverOptions options = with_target(Reuse::Mode::all);
  options.zeros = {1};
  Driver driver(options);
  driver.pass(100ms);
  const auto holes = driver.take<InspectHole>();
  ASSERT_THAT(holes, SizeIs(1));
  driver.event(HoleInspected{holes[0].piece, true});
  EXPECT_TRUE(driver.swarm->verified(PieceIndex{1}));
  inspect(driver, [](std::uint32_t) { return false; });
  EXPECT_THAT(driver.take<ZeroPiece>(), IsEmpty());
}

TEST(SwarmTarget, AtMostAFewBuffersAreHeldHoweverManyPiecesThereAre) {
  DriverOptions options = with_target(Reuse::Mode::all);
  options.pieces = 1000;
  options.buffers = 400;
  Driver driver(options);
  driver.pass(100ms);
  EXPECT_LE(driver.take<InspectSegment>().size(), TargetInspection::most_buffers);
  EXPECT_GE(driver.pool.available(), 400 - TargetInspection::most_buffers);
  DriverOptions tiny = with_target(Reuse::Mode::all);
  Driver small(tiny);
  small.pass(100ms);
  EXPECT_EQ(small.take<InspectSegment>().size(), 4u) << "a quarter of 16";
}

}  // namespace
}  // namespace ezio
