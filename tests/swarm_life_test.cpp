// How a swarm ends, and what its trackers hear.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "swarm_fixture.hpp"

namespace ezio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr TrackerIndex tracker{0};

DriverOptions tracked(Linger linger = {Linger::Mode::forever, {}}) {
  DriverOptions options;
  options.config.trackers = {"http://tracker.test/announce"};
  options.config.linger = linger;
  return options;
}

AnnounceReply reply(std::optional<std::uint32_t> leechers = {}) {
  AnnounceReply reply;
  reply.interval = 10s;
  reply.leechers = leechers;
  return reply;
}

// What was announced since the last call; every announce is answered.
std::vector<AnnounceRequest> announced(Driver& driver, std::optional<std::uint32_t> leechers = {}) {
  std::vector<AnnounceRequest> requests;
  for (const Announce& announce : driver.take<Announce>()) {
    requests.push_back(announce.request);
    driver.event(AnnounceSucceeded{tracker, reply(leechers)});
  }
  return requests;
}

void fetch_everything(Driver& driver) {
  const PeerHandle peer = driver.seed();
  for (int i = 0; i < 10; ++i) {
    driver.serve_all(peer);
    driver.finish_hashing();
  }
}

void complete(Driver& driver) {
  fetch_everything(driver);
  driver.finish_writes();
  driver.event(Flushed{});
  EXPECT_EQ(driver.take<Completed>().size(), 1u);
}

TEST(SwarmLife, TheDeviceIsFlushedOnceEverythingIsWritten) {
  Driver driver;
  fetch_everything(driver);
  auto writes = driver.take<WriteSegment>();
  ASSERT_EQ(writes.size(), 4u);
  for (const WriteSegment& write : writes) {
    EXPECT_THAT(driver.take<Flush>(), IsEmpty());
    driver.event(SegmentWritten{write.segment, {}});
  }
  EXPECT_EQ(driver.take<Flush>().size(), 1u);
  EXPECT_THAT(driver.take<Completed>(), IsEmpty());
  driver.event(Flushed{});
  EXPECT_EQ(driver.take<Completed>().size(), 1u);
}

TEST(SwarmLife, NothingIsLeftOnlyOnceTheFlushHasSucceeded) {
  Driver driver(tracked());
  driver.pass(100ms);
  auto requests = announced(driver);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].event, AnnounceEvent::started);
  EXPECT_EQ(requests[0].left, driver.metainfo.total_length);
  EXPECT_EQ(requests[0].port, 6881);
  fetch_everything(driver);
  driver.finish_writes();
  driver.pass(11s);  // the flush takes its time
  requests = announced(driver);
  ASSERT_FALSE(requests.empty());
  EXPECT_GT(requests[0].left, 0u);
  EXPECT_EQ(requests[0].event, AnnounceEvent::none);
  driver.event(Flushed{});
  requests = announced(driver);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].left, 0u);
  EXPECT_EQ(requests[0].event, AnnounceEvent::completed);
  EXPECT_EQ(requests[0].downloaded, driver.metainfo.total_length);
}

TEST(SwarmLife, AFlushThatFailsIsAnError) {
  Driver driver;
  fetch_everything(driver);
  driver.finish_writes();
  driver.event(Flushed{"Input/output error (EIO)"});
  const auto finished = driver.take<Finished>();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].outcome, SwarmOutcome::io_error);
  EXPECT_THAT(finished[0].message, HasSubstr("EIO"));
  EXPECT_THAT(driver.take<Completed>(), IsEmpty());
}

TEST(SwarmLife, AWriteThatFailsIsAnErrorAndNothingFollows) {
  Driver driver(tracked());
  driver.pass(100ms);
  announced(driver);
  fetch_everything(driver);
  const auto writes = driver.take<WriteSegment>();
  driver.event(
      SegmentWritten{writes[0].segment, "at byte 77 of the device: No space left on device (ENOSPC)"});
  const auto finished = driver.take<Finished>();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].outcome, SwarmOutcome::io_error);
  EXPECT_THAT(finished[0].message, HasSubstr("at byte 77"));
  EXPECT_EQ(driver.take<Announce>().at(0).request.event, AnnounceEvent::stopped);
  driver.forget_all();
  for (std::size_t i = 1; i < writes.size(); ++i) driver.event(SegmentWritten{writes[i].segment, {}});
  driver.pass(2s);
  EXPECT_THAT(driver.take<Flush>(), IsEmpty());
  EXPECT_THAT(driver.take<Announce>(), IsEmpty());
  EXPECT_EQ(driver.swarm->io_in_flight(), 0u);
  EXPECT_EQ(driver.pool.available(), driver.pool.capacity());
}

TEST(SwarmLife, WhatIsHashedAfterTheEndIsNotWritten) {
  Driver driver;
  const PeerHandle peer = driver.seed();
  driver.serve_all(peer);
  driver.event(StopRequested{});
  driver.take<Finished>();
  EXPECT_GT(driver.swarm->io_in_flight(), 0u);
  driver.finish_hashing();
  EXPECT_THAT(driver.take<WriteSegment>(), IsEmpty());
  EXPECT_EQ(driver.swarm->io_in_flight(), 0u);
  EXPECT_EQ(driver.pool.available(), driver.pool.capacity());
}

TEST(SwarmLife, AStopIsToldToTheTrackerAndClosesEveryPeer) {
  Driver driver(tracked());
  driver.pass(100ms);
  announced(driver);
  const PeerHandle peer = driver.accept();
  driver.event(StopRequested{});
  EXPECT_EQ(driver.take<Announce>().at(0).request.event, AnnounceEvent::stopped);
  EXPECT_EQ(driver.take<Finished>().at(0).outcome, SwarmOutcome::stopped);
  EXPECT_TRUE(driver.closed(peer));
  EXPECT_TRUE(driver.swarm->finished());
  const PeerHandle late = driver.accept();
  EXPECT_TRUE(driver.closed(late));
  driver.event(StopRequested{});
  driver.pass(1s);
  EXPECT_THAT(driver.take<Finished>(), IsEmpty());
}

TEST(SwarmLife, AStallIsGivenUpWhenAsked) {
  DriverOptions options;
  options.config.start_timeout = options.config.stall_timeout = 30s;
  Driver driver(options);
  driver.pass(20s);
  const PeerHandle peer = driver.seed();
  driver.send_block(peer, driver.heard<wire::Request>(peer)[0].span);
  driver.pass(29s);
  EXPECT_THAT(driver.take<Finished>(), IsEmpty()) << "a block came meanwhile";
  driver.pass(3s);
  const auto finished = driver.take<Finished>();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].outcome, SwarmOutcome::stalled);
  EXPECT_THAT(finished[0].message, HasSubstr("30 s"));
}

TEST(SwarmLife, WithoutAStallTimeoutNobodyGivesUp) {
  Driver driver;
  driver.pass(3600s);
  EXPECT_THAT(driver.take<Finished>(), IsEmpty());
}

TEST(SwarmLife, LingeringForSecondsEndsAfterThem) {
  DriverOptions options;
  options.config.linger = {Linger::Mode::seconds, 5s};
  Driver driver(options);
  complete(driver);
  driver.pass(4s);
  EXPECT_THAT(driver.take<Finished>(), IsEmpty());
  driver.pass(1500ms);
  EXPECT_EQ(driver.take<Finished>().at(0).outcome, SwarmOutcome::complete);
}

TEST(SwarmLife, LingeringEndsWhenTheTrackerKnowsOfNoLeecher) {
  Driver driver(tracked({Linger::Mode::automatic, {}}));
  driver.pass(100ms);
  announced(driver, 1);
  complete(driver);
  announced(driver, 2);
  for (int i = 0; i < 100; ++i) {
    driver.pass(1s);
    announced(driver, 1);
  }
  EXPECT_THAT(driver.take<Finished>(), IsEmpty());
  for (int i = 0; i < 20; ++i) {
    driver.pass(1s);
    announced(driver, 0);
  }
  EXPECT_EQ(driver.take<Finished>().at(0).outcome, SwarmOutcome::complete);
}

TEST(SwarmLife, LingeringWithoutWordOfLeechersEndsAfter30SecondsOfQuiet) {
  DriverOptions options;
  Driver driver(options);
  complete(driver);
  driver.pass(20s);
  const PeerHandle peer = driver.accept();
  driver.say(peer, wire::Interested{});
  driver.say(peer, wire::Request{block(0, 0)});
  driver.finish_reads();
  driver.event(BlockSent{peer, driver.take<SendBlock>().at(0).span});
  driver.pass(29s);
  EXPECT_THAT(driver.take<Finished>(), IsEmpty());
  driver.pass(2s);
  EXPECT_EQ(driver.take<Finished>().at(0).outcome, SwarmOutcome::complete);
}

TEST(SwarmLife, ATrackerThatFailsIsNotedOnceAndWhenItAnswersAgain) {
  Driver driver(tracked());
  for (int i = 0; i < 3; ++i) {
    while (driver.take<Announce>().empty()) driver.pass(1s);
    driver.event(AnnounceFailed{tracker, "connection refused"});
  }
  auto notes = driver.take<Note>();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0].text, HasSubstr("connection refused"));
  while (driver.take<Announce>().empty()) driver.pass(1s);
  driver.event(AnnounceSucceeded{tracker, reply()});
  notes = driver.take<Note>();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0].text, HasSubstr("http://tracker.test/announce answers"));
}

TEST(SwarmLife, PeersThatATrackerNamesAreDialled) {
  Driver driver(tracked());
  driver.pass(100ms);
  driver.take<Announce>();
  AnnounceReply found = reply();
  found.peers = {*parse_address("10.2.0.1", 5000), *parse_address("2001:db8::2", 5001)};
  driver.event(AnnounceSucceeded{tracker, found});
  std::vector<Endpoint> dialled;
  for (const Connect& connect : driver.take<Connect>()) dialled.push_back(connect.remote);
  EXPECT_THAT(dialled, testing::UnorderedElementsAreArray(found.peers));
}

TEST(SwarmLife, ThoseWhoAreCompleteAreLeftAtCompletion) {
  Driver driver;
  const PeerHandle leecher = driver.accept();
  const PeerHandle source = driver.seed();
  for (int i = 0; i < 10; ++i) {
    driver.serve_all(source);
    driver.finish_hashing();
  }
  driver.finish_writes();
  EXPECT_FALSE(driver.closed(source));
  driver.event(Flushed{});
  EXPECT_TRUE(driver.closed(source));
  EXPECT_FALSE(driver.closed(leecher));
}

}  // namespace
}  // namespace ezio
