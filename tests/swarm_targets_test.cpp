// One download for several targets: fetched once, written to each, and one that fails does not end the
// others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "swarm_fixture.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr TargetIndex first{0};
constexpr TargetIndex second{1};

DriverOptions two_targets(Reuse::Mode reuse = Reuse::Mode::off) {
  DriverOptions options;
  options.looks_at_target = true;
  options.config.reuse = reuse;
  options.config.targets.resize(2);
  return options;
}

const Driver::Holds holds_all = [](TargetIndex, std::uint32_t) { return true; };

void fetch_all(Driver& driver) {
  const PeerHandle seed = driver.seed();
  driver.serve_all(seed);
  driver.finish_hashing();
}

void flush_all(Driver& driver) {
  for (const Flush& flush : driver.take<Flush>()) driver.event(Flushed{{}, flush.target});
}

TEST(SwarmTargets, APieceIsFetchedOnceAndWrittenToEach) {
  Driver driver(two_targets());
  fetch_all(driver);
  EXPECT_EQ(driver.swarm->stats().from_seeds, driver.metainfo.total_length);
  const auto writes = driver.take<WriteSegment>();
  ASSERT_THAT(writes, SizeIs(8));
  for (std::size_t i = 0; i < writes.size(); i += 2) {
    EXPECT_EQ(writes[i].segment, writes[i + 1].segment);
    EXPECT_EQ(writes[i].buffer, writes[i + 1].buffer);
    EXPECT_EQ(writes[i].target, first);
    EXPECT_EQ(writes[i + 1].target, second);
  }
}

TEST(SwarmTargets, ItIsCompleteWhenEachOfThemIs) {
  Driver driver(two_targets());
  fetch_all(driver);
  driver.finish_writes();
  const auto flushes = driver.take<Flush>();
  ASSERT_THAT(flushes, SizeIs(2));
  driver.event(Flushed{{}, second});
  EXPECT_EQ(driver.swarm->stats().state, SwarmStats::State::flushing);
  driver.event(Flushed{{}, first});
  EXPECT_EQ(driver.swarm->stats().state, SwarmStats::State::verifying);
  EXPECT_THAT(driver.take<Completed>(), IsEmpty());
  driver.inspect(holds_all);
  EXPECT_THAT(driver.take<Completed>(), SizeIs(1));
  EXPECT_THAT(driver.take<TargetFailed>(), IsEmpty());
}

TEST(SwarmTargets, NothingIsFlushedBeforeTheSlowerOneHasWrittenAll) {
  Driver driver(two_targets());
  fetch_all(driver);
  for (const WriteSegment& write : driver.take<WriteSegment>()) {
    if (write.target == first) driver.event(SegmentWritten{write.segment, {}, write.target});
  }
  EXPECT_THAT(driver.take<Flush>(), IsEmpty());
  for (std::uint32_t piece = 0; piece < 4; ++piece) {
    EXPECT_THAT(driver.take<Flush>(), IsEmpty());
    driver.event(SegmentWritten{{PieceIndex{piece}, 0}, {}, second});
  }
  EXPECT_THAT(driver.take<Flush>(), SizeIs(2));
}

// For each work that a target can fail at: the others go on, and it is told why.
TEST(SwarmTargets, OneThatCannotBeWrittenIsLeftBehind) {
  Driver driver(two_targets());
  fetch_all(driver);
  bool failed = false;
  for (const WriteSegment& write : driver.take<WriteSegment>()) {
    const bool fails = write.target == first && !std::exchange(failed, write.target == first || failed);
    driver.event(
        SegmentWritten{write.segment, fails ? "at byte 7 of the device: No space left" : "", write.target});
  }
  const auto lost = driver.take<TargetFailed>();
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(lost[0].target, first);
  EXPECT_EQ(lost[0].message, "write failed: at byte 7 of the device: No space left");
  const auto flushes = driver.take<Flush>();
  ASSERT_THAT(flushes, SizeIs(1));
  EXPECT_EQ(flushes[0].target, second);
  driver.event(Flushed{{}, second});
  driver.inspect([](TargetIndex target, std::uint32_t) {
    EXPECT_EQ(target, second);
    return true;
  });
  EXPECT_THAT(driver.take<Completed>(), SizeIs(1));
  EXPECT_EQ(driver.swarm->io_in_flight(), 0u);
}

TEST(SwarmTargets, OneThatHangsIsLeftBehindAndItsBuffersAreNotUsedAgain) {
  Driver driver(two_targets());
  fetch_all(driver);
  const auto writes = driver.take<WriteSegment>();
  for (const WriteSegment& write : writes) {
    if (write.target == first) driver.event(SegmentWritten{write.segment, {}, write.target});
  }
  driver.event(StorageHangs{"the device has not answered for 120 s", second});
  EXPECT_THAT(driver.take<TargetFailed>(), SizeIs(1));
  flush_all(driver);
  driver.inspect(holds_all);
  EXPECT_THAT(driver.take<Completed>(), SizeIs(1));
  EXPECT_EQ(driver.pool.available(), driver.pool.capacity() - 4);
  // What the kernel had not taken yet is answered after all.
  driver.event(SegmentWritten{{PieceIndex{0}, 0}, "Operation canceled", second});
  EXPECT_EQ(driver.pool.available(), driver.pool.capacity() - 3);
  EXPECT_THAT(driver.take<TargetFailed>(), IsEmpty());
}

TEST(SwarmTargets, OneThatCannotBeFlushedIsLeftBehind) {
  Driver driver(two_targets());
  fetch_all(driver);
  driver.finish_writes();
  driver.event(Flushed{"Input/output error", first});
  EXPECT_THAT(driver.take<TargetFailed>(), SizeIs(1));
  driver.event(Flushed{{}, second});
  driver.inspect(holds_all);
  EXPECT_THAT(driver.take<Completed>(), SizeIs(1));
}

TEST(SwarmTargets, OneThatHangsInItsFlushIsNotWaitedFor) {
  Driver driver(two_targets());
  fetch_all(driver);
  driver.finish_writes();
  driver.event(Flushed{{}, first});
  driver.event(StorageHangs{"the device has not answered", second});
  driver.inspect(holds_all);
  EXPECT_THAT(driver.take<Completed>(), SizeIs(1));
}

TEST(SwarmTargets, OneThatCannotBeConcludedIsLeftBehind) {
  DriverOptions options = two_targets();
  options.concludes = false;
  Driver driver(options);
  fetch_all(driver);
  driver.finish_writes();
  flush_all(driver);
  driver.inspect(holds_all);
  ASSERT_THAT(driver.take<Conclude>(), SizeIs(2));
  driver.event(Concluded{{}, first});
  EXPECT_THAT(driver.take<Completed>(), IsEmpty());
  driver.event(Concluded{"the file system is larger than the target", second});
  EXPECT_THAT(driver.take<TargetFailed>(), SizeIs(1));
  EXPECT_THAT(driver.take<Completed>(), SizeIs(1));
}

TEST(SwarmTargets, WhatOneDoesNotHoldIsWrittenOnceMoreAndTwiceWrongIsItsEnd) {
  Driver driver(two_targets());
  const PeerHandle seed = driver.seed();
  const Driver::Holds second_lies = [](TargetIndex target, std::uint32_t piece) {
    return target == first || piece != 2;
  };
  for (int round = 0; round < 2; ++round) {
    driver.serve_all(seed);
    driver.finish_hashing();
    driver.finish_writes();
    flush_all(driver);
    driver.inspect(second_lies);
  }
  const auto lost = driver.take<TargetFailed>();
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(lost[0].target, second);
  EXPECT_THAT(lost[0].message, HasSubstr("piece 2 at byte 131072 of the device"));
  EXPECT_THAT(driver.take<Completed>(), SizeIs(1));
}

TEST(SwarmTargets, WhatIsWrongOnBothIsFetchedOnce) {
  Driver driver(two_targets());
  const PeerHandle seed = driver.seed();
  driver.serve_all(seed);
  driver.finish_hashing();
  driver.finish_writes();
  flush_all(driver);
  driver.inspect([](TargetIndex, std::uint32_t piece) { return piece != 1; });
  driver.serve_all(seed);
  driver.finish_hashing();
  EXPECT_THAT(driver.take<WriteSegment>(), SizeIs(2));
  EXPECT_EQ(driver.swarm->stats().from_seeds, driver.metainfo.total_length + 64 * KiB);
}

TEST(SwarmTargets, OnlyWhatAllOfThemHoldIsReused) {
  Driver driver(two_targets(Reuse::Mode::all));
  const PeerHandle seed = driver.seed();
  driver.inspect(
      [](TargetIndex target, std::uint32_t piece) { return piece == 0 || (piece == 1 && target == first); });
  EXPECT_THAT(driver.heard<wire::Have>(seed), SizeIs(1));
  EXPECT_EQ(driver.swarm->stats().reused, 64 * KiB);
  driver.serve_all(seed);
  driver.finish_hashing();
  EXPECT_THAT(driver.take<WriteSegment>(), SizeIs(6));
}

TEST(SwarmTargets, WhatOnlyAFailedOneLackedIsReused) {
  Driver driver(two_targets(Reuse::Mode::all));
  driver.pass(100ms);
  for (auto reads = driver.take<InspectSegment>(); !reads.empty(); reads = driver.take<InspectSegment>()) {
    for (const InspectSegment& read : reads) {
      if (read.target == first) driver.event(SegmentInspected{read.segment, {}, first});
    }
    driver.finish_hashing();
  }
  EXPECT_EQ(driver.swarm->stats().reused, 0u);
  driver.event(StorageHangs{"the device has not answered", second});
  EXPECT_EQ(driver.swarm->stats().reused, driver.metainfo.total_length);
  EXPECT_THAT(driver.take<Flush>(), SizeIs(1));
}

TEST(SwarmTargets, ZerosAreMadeOnEachAndCountOnce) {
  DriverOptions options = two_targets();
  options.zeros = {0, 3};
  Driver driver(options);
  driver.pass(100ms);
  const auto zeros = driver.take<ZeroPiece>();
  ASSERT_THAT(zeros, SizeIs(4));
  driver.event(PieceZeroed{zeros[0].piece, {}, zeros[0].target});
  EXPECT_EQ(driver.swarm->stats().zeroed, 0u);
  driver.event(PieceZeroed{zeros[1].piece, {}, zeros[1].target});
  EXPECT_EQ(driver.swarm->stats().zeroed, 64 * KiB);
  driver.event(PieceZeroed{zeros[2].piece, "at byte 9 of the device: No space left", zeros[2].target});
  EXPECT_THAT(driver.take<TargetFailed>(), SizeIs(1));
  driver.event(PieceZeroed{zeros[3].piece, {}, zeros[3].target});
  EXPECT_EQ(driver.swarm->stats().zeroed, 64 * KiB + 40'000u);
}

TEST(SwarmTargets, ServedReadsMoveToTheNextWhereOneFails) {
  DriverOptions options = two_targets();
  options.config.read_back = false;
  options.config.linger = {Linger::Mode::forever, {}};
  options.looks_at_target = false;
  Driver driver(options);
  fetch_all(driver);
  driver.finish_writes();
  flush_all(driver);
  ASSERT_THAT(driver.take<Completed>(), SizeIs(1));
  driver.pass(300ms);
  driver.forget_all();
  const PeerHandle peer = driver.accept();
  driver.say_pieces(peer, {});
  driver.say(peer, wire::Interested{});
  driver.pass(2s);
  driver.say(peer, wire::Request{block(1, 0)});
  auto reads = driver.take<ReadSegment>();
  ASSERT_FALSE(reads.empty());
  EXPECT_EQ(reads[0].target, first);
  driver.event(SegmentRead{reads[0].segment, "at byte 3 of the device: Input/output error", first});
  EXPECT_THAT(driver.take<TargetFailed>(), SizeIs(1));
  driver.pass(200ms);
  reads = driver.take<ReadSegment>();
  ASSERT_THAT(reads, SizeIs(1));
  EXPECT_EQ(reads[0].target, second);
  driver.event(SegmentRead{reads[0].segment, {}, second});
  EXPECT_THAT(driver.take<SendBlock>(), SizeIs(1));
}

TEST(SwarmTargets, TheLastOneThatFailsEndsTheClone) {
  Driver driver(two_targets());
  fetch_all(driver);
  driver.finish_writes("at byte 0 of the device: Input/output error");
  EXPECT_THAT(driver.take<TargetFailed>(), SizeIs(1));
  const auto finished = driver.take<Finished>();
  ASSERT_THAT(finished, SizeIs(1));
  EXPECT_EQ(finished[0].outcome, SwarmOutcome::io_error);
  EXPECT_THAT(finished[0].message, HasSubstr("write failed"));
  EXPECT_EQ(driver.swarm->stats().read_back, 0u);
  EXPECT_EQ(driver.swarm->io_in_flight(), 0u);
}

}  // namespace
}  // namespace ezio
