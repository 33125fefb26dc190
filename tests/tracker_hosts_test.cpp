// Hosts through their lives: what they report, how they end, who gives way to whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host_book_fixture.hpp"

namespace ezio::tracker {
namespace {

using std::chrono::seconds;
using test::HostBookTest;
using test::query_of;
using test::report_of;
using test::torrent_of;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(HostBookTest, AHostIsFollowedFromItsFirstAnnounceToItsEnd) {
  take(query_of(1, 100));
  EXPECT_FALSE(only().reports);
  EXPECT_EQ(only().name(), "10.0.0.7");
  take(query_of(1, 55), report_of(HostState::leeching));
  EXPECT_TRUE(only().reports);
  EXPECT_EQ(only().name(), "lab-07");
  EXPECT_EQ(only().eta_s(), 0.055);
  take(query_of(1, 0), report_of(HostState::verifying));
  EXPECT_FALSE(only().finished);
  take(query_of(1, 0), report_of(HostState::done));
  EXPECT_EQ(only().finished, now);
  now += seconds(3);
  take(query_of(1, 0, AnnounceEvent::stopped), report_of(HostState::done));
  EXPECT_EQ(only().finished, now - seconds(3));
  EXPECT_TRUE(only().ended);
  pass(1000);
  EXPECT_FALSE(only().lost);
  EXPECT_EQ(shown_state(only()), "done");
  EXPECT_THAT(events, ElementsAre("joined lab-07", "done lab-07"));
}

TEST_F(HostBookTest, ASilentHostIsLostAndKeepsItsStateUntilItReturns) {
  take(query_of(1, 55), report_of(HostState::leeching));
  pass(15);
  EXPECT_FALSE(only().lost);
  pass(1);
  EXPECT_EQ(shown_state(only()), "lost");
  EXPECT_EQ(only().state(), HostState::leeching);
  EXPECT_EQ(sentence(), "0 of 1 done, lab-07 lost at 45 %");
  take(query_of(1, 50), report_of(HostState::leeching));
  EXPECT_EQ(shown_state(only()), "leeching");
  EXPECT_THAT(events, ElementsAre("joined lab-07", "lost lab-07", "returned lab-07"));
}

TEST_F(HostBookTest, LongReportsAreCutWhereTheyHaveNoRoomTogether) {
  HostReport longest = report_of(HostState::leeching);
  longest.targets.resize(10, longest.targets[0]);
  HostLimits limited = limits;
  limited.short_report_bytes = text_bytes(report_of(HostState::leeching));
  limited.report_bytes = 2 * (text_bytes(longest) + limited.short_report_bytes);
  HostBook cramped(limited, {seconds(15), seconds(150), seconds(2)}, {1, 2}, {});
  const auto targets = [&] {
    std::vector<std::size_t> counts;
    for (const Host& host : cramped.tables().at(torrent_of(1)).hosts())
      counts.push_back(host.report.targets.size());
    return counts;
  };
  const auto report = [&](int peer) {
    longest.host = "lab-" + std::to_string(peer);
    cramped.take(query_of(peer, 50), *parse_address("10.0.0.7", 6881), &longest, now, random);
  };
  for (int again = 0; again < 3; ++again) {
    for (int peer = 10; peer < 13; ++peer) report(peer);
    EXPECT_THAT(targets(), ElementsAre(10, 10, 1));
  }
  // Who says less makes room.
  const HostReport shorter = report_of(HostState::leeching);
  cramped.take(query_of(10, 50), *parse_address("10.0.0.7", 6881), &shorter, now, random);
  report(12);
  EXPECT_THAT(targets(), ElementsAre(1, 10, 10));
}

TEST_F(HostBookTest, OneThatOnlyAnnouncesHasItsOwnTime) {
  take(query_of(1, 55));
  pass(150);
  EXPECT_FALSE(only().lost);
  pass(1);
  EXPECT_TRUE(only().lost);
}

TEST_F(HostBookTest, AFailureComesWithItsReason) {
  HostReport failed = report_of(HostState::failed);
  failed.targets[0].error = "Input/output error";
  take(query_of(1, 55), report_of(HostState::leeching));
  take(query_of(1, 55, AnnounceEvent::stopped), failed);
  EXPECT_TRUE(only().ended);
  EXPECT_EQ(only().finished, now);
  pass(100);
  EXPECT_EQ(sentence(), "0 of 1 done, lab-07 failed: /dev/sda: Input/output error");
  EXPECT_THAT(events, ElementsAre("joined lab-07", "failed lab-07: /dev/sda: Input/output error"));
}

TEST_F(HostBookTest, APeerThatWasRefusedItsTargetIsSeenAlthoughItNeverJoined) {
  take(query_of(1, 55, AnnounceEvent::stopped));
  EXPECT_THAT(hosts(), IsEmpty());
  HostReport refused = report_of(HostState::failed);
  refused.error = "/dev/sda is mounted";
  take(query_of(1, 55, AnnounceEvent::stopped), refused);
  EXPECT_EQ(only().reason(), "/dev/sda is mounted");
  EXPECT_THAT(events,
              ElementsAre("joined lab-07: /dev/sda is mounted", "failed lab-07: /dev/sda is mounted"));
}

TEST_F(HostBookTest, AStopWithoutAReasonFailsUnlessOneFollows) {
  take(query_of(1, 55), report_of(HostState::leeching, "a"));
  take(query_of(2, 55), report_of(HostState::leeching, "b"));
  take(query_of(1, 55, AnnounceEvent::stopped));
  take(query_of(2, 55, AnnounceEvent::stopped));
  HostReport why = report_of(HostState::failed, "b");
  why.error = "no space";
  take(query_of(2, 55, AnnounceEvent::stopped), why);
  pass(3);
  EXPECT_THAT(events, ElementsAre("joined a", "joined b", "failed b: /dev/sda: no space",
                                  "failed a: /dev/sda: stopped before it was done"));
  EXPECT_TRUE(hosts().front().ended);
  EXPECT_TRUE(hosts().front().finished);
}

TEST_F(HostBookTest, AReportThatStopsHalfWayIsAFailure) {
  take(query_of(1, 55), report_of(HostState::leeching));
  take(query_of(1, 55, AnnounceEvent::stopped), report_of(HostState::leeching));
  EXPECT_EQ(only().state(), HostState::failed);
  EXPECT_THAT(events, ElementsAre("joined lab-07", "failed lab-07: /dev/sda: stopped before it was done"));
}

TEST_F(HostBookTest, ASeederThatStopsIsForgottenAndOneThatIsSilentIsLost) {
  take(query_of(1, 0), report_of(HostState::seeding, "server"));
  take(query_of(2, 0), report_of(HostState::seeding, "other"));
  take(query_of(1, 0, AnnounceEvent::stopped), report_of(HostState::seeding, "server"));
  EXPECT_EQ(only().name(), "other");
  EXPECT_EQ(book.take_removals().hosts.size(), 1u);
  pass(16);
  EXPECT_THAT(events, ElementsAre("joined server", "joined other", "left server", "lost other"));
  EXPECT_EQ(sentence(), "no host to be cloned yet, other lost at 45 %");
}

TEST_F(HostBookTest, ClientsOfOthersAreFollowedByTheirBytes) {
  AnnounceQuery query = query_of(1, 1000);
  take(query);
  now += seconds(10);
  query.left = 400;
  query.downloaded = 600;
  query.uploaded = 50;
  take(query);
  EXPECT_EQ(only().report.down, 60u);
  EXPECT_EQ(only().report.up, 5u);
  EXPECT_DOUBLE_EQ(only().progress(), 0.6);
  EXPECT_EQ(only().state(), HostState::leeching);
  query.left = 0;
  query.event = AnnounceEvent::completed;
  take(query);
  EXPECT_EQ(only().state(), HostState::done);
  query.event = AnnounceEvent::stopped;
  take(query);
  EXPECT_TRUE(only().ended);
  take(query_of(2, 0));
  EXPECT_EQ(hosts().back().state(), HostState::seeding);
}

TEST_F(HostBookTest, BothFamiliesOfAHostAreOneRow) {
  take(query_of(1, 55), report_of(HostState::leeching), "10.0.0.7");
  take(query_of(1, 55), report_of(HostState::leeching), "2001:db8::7");
  take(query_of(1, 55), report_of(HostState::leeching), "10.0.0.7");
  ASSERT_EQ(only().addresses.size(), 2u);
  EXPECT_EQ(address_text(only().address()), "10.0.0.7");
  for (int i = 1; i < 20; ++i) take(query_of(1, 55), {}, ("10.0.1." + std::to_string(i)).c_str());
  EXPECT_EQ(only().addresses.size(), max_host_addresses);
}

TEST_F(HostBookTest, ASecondRunTakesThePlaceOfOneThatIsOver) {
  take(query_of(1, 55), report_of(HostState::leeching));
  take(query_of(1, 55, AnnounceEvent::stopped), report_of(HostState::failed));
  take(query_of(2, 100));
  EXPECT_EQ(hosts().size(), 2u);
  take(query_of(2, 100), report_of(HostState::leeching));
  EXPECT_EQ(only().state(), HostState::leeching);
}

TEST_F(HostBookTest, ARunThatWasKilledGoesWhenItsSuccessorIsThere) {
  take(query_of(1, 55), report_of(HostState::leeching));
  now += seconds(1);
  for (int i = 0; i < 20; ++i) {
    take(query_of(2, 55), report_of(HostState::leeching));
    pass(1);
  }
  EXPECT_EQ(only().peer_id, query_of(2, 0).peer_id);
  EXPECT_THAT(events, ElementsAre("joined lab-07", "joined lab-07"));
}

TEST_F(HostBookTest, AnotherTargetOrAddressOrNameIsAnotherRow) {
  take(query_of(1, 55, AnnounceEvent::stopped), report_of(HostState::failed));
  take(query_of(2, 55), report_of(HostState::leeching, "lab-07", "/dev/sdb"));
  take(query_of(3, 55), report_of(HostState::leeching, "lab-08"));
  take(query_of(4, 55), report_of(HostState::leeching), "10.0.0.8");
  EXPECT_EQ(hosts().size(), 4u);
}

TEST_F(HostBookTest, TheSummaryNamesThreeAndCountsTheRest) {
  for (int i = 0; i < 5; ++i) {
    HostReport failed = report_of(HostState::failed, "h" + std::to_string(i));
    failed.error = "e";
    take(query_of(i, 5), failed);
  }
  take(query_of(9, 0), report_of(HostState::done, "good"));
  take(query_of(10, 0), report_of(HostState::seeding, "server"), "10.0.0.1");
  EXPECT_EQ(
      sentence(),
      "1 of 6 done, h0 failed: /dev/sda: e, h1 failed: /dev/sda: e, h2 failed: /dev/sda: e, 2 more failed");
  EXPECT_EQ(
      sentence({.hosts = 32}),
      "1 of 32 done, h0 failed: /dev/sda: e, h1 failed: /dev/sda: e, h2 failed: /dev/sda: e, 2 more failed");
  EXPECT_EQ(summary(HostBook(limits, {}, {}, {}), {.hosts = 2, .names = {"a", "b"}}),
            "0 of 2 done, a not seen yet, b not seen yet");
}

TEST_F(HostBookTest, TheTallyCountsStatesAndRates) {
  take(query_of(1, 3000), report_of(HostState::leeching, "a"));
  take(query_of(2, 5000), report_of(HostState::leeching, "b"));
  take(query_of(3, 0), report_of(HostState::seeding, "s"));
  const Tally counts = tally(book.tables().at(torrent_of(1)));
  EXPECT_EQ(counts.states[static_cast<std::size_t>(HostState::leeching)], 2u);
  EXPECT_EQ(counts.leechers, 2u);
  EXPECT_EQ(counts.down, 3000u);
  EXPECT_EQ(counts.eta_s, 5.0);
}

TEST_F(HostBookTest, WhatChangedCanBeTold) {
  take(query_of(1, 55), report_of(HostState::leeching, "a"));
  const std::uint64_t before = book.change();
  take(query_of(2, 55), report_of(HostState::leeching, "b"));
  EXPECT_LE(hosts().front().change, before);
  EXPECT_GT(hosts().back().change, before);
  const std::uint64_t seen = book.change();
  pass(15);
  EXPECT_EQ(book.change(), seen);
  pass(1);
  EXPECT_GT(hosts().front().change, seen);
}

TEST_F(HostBookTest, AnAddressHasSoManyRows) {
  const auto take_from_port = [&](int peer) {
    AnnounceQuery query = query_of(peer, 5);
    query.port = static_cast<std::uint16_t>(7000 + peer);
    take(query);
  };
  for (int i = 0; i < 20; ++i) take_from_port(i);
  EXPECT_EQ(hosts().size(), limits.hosts_an_address);
  pass(151);  // all are lost now: they give way, the oldest first
  take_from_port(100);
  EXPECT_EQ(hosts().size(), limits.hosts_an_address);
  EXPECT_EQ(hosts().back().peer_id, query_of(100, 5).peer_id);
  EXPECT_EQ(hosts().front().peer_id, query_of(1, 5).peer_id);
}

TEST_F(HostBookTest, WhoHasMostGivesWayToWhoHasLess) {
  for (int i = 0; i < 8; ++i) take(query_of(i, 5), {}, "10.0.0.66");
  for (int i = 0; i < 8; ++i) take(query_of(100 + i, 5), {}, ("10.0.1." + std::to_string(i)).c_str());
  EXPECT_EQ(hosts().size(), limits.hosts_a_torrent);
  const auto of_attacker = std::ranges::count_if(
      hosts(), [](const Host& host) { return address_text(host.address()) == "10.0.0.66"; });
  EXPECT_EQ(of_attacker, 2);
  take(query_of(50, 5), {}, "10.0.0.66");
  EXPECT_EQ(std::ranges::count_if(hosts(),
                                  [](const Host& host) { return host.peer_id == query_of(50, 5).peer_id; }),
            0);
}

TEST_F(HostBookTest, AllTorrentsTogetherHaveALimit) {
  for (int torrent = 1; torrent <= 3; ++torrent) {
    for (int i = 0; i < 8; ++i) {
      AnnounceQuery query = query_of(i, 5);
      query.info_hash = torrent_of(torrent);
      take(query, {}, ("10.0." + std::to_string(torrent) + "." + std::to_string(i)).c_str());
    }
  }
  EXPECT_EQ(book.size(), limits.hosts);
}

TEST_F(HostBookTest, TorrentsThatAreNotServedAnyMoreGoWithTheirHosts) {
  take(query_of(1, 5));
  book.keep_only({torrent_of(2)});
  EXPECT_EQ(book.size(), 0u);
  EXPECT_EQ(book.take_removals().hosts.size(), 1u);
  EXPECT_TRUE(book.tables().empty());
}

TEST_F(HostBookTest, RandomHistoriesKeepTheCountsTrue) {
  for (int step = 0; step < 20000; ++step) {
    const auto state = static_cast<HostState>(random() % host_state_count);
    const auto event = random() % 5 == 0 ? AnnounceEvent::stopped : AnnounceEvent::none;
    AnnounceQuery query = query_of(static_cast<int>(random() % 30), random() % 2, event);
    query.info_hash = torrent_of(static_cast<int>(random() % 3));
    const std::string address = "10.0.0." + std::to_string(random() % 6);
    const bool reports = random() % 2 == 0;
    take(query, reports ? std::optional(report_of(state, "h" + std::to_string(random() % 9))) : std::nullopt,
         address.c_str());
    if (random() % 3 == 0) pass(static_cast<int>(random() % 4));
    std::size_t sum = 0;
    for (const auto& [info_hash, table] : book.tables()) {
      ASSERT_LE(table.hosts().size(), limits.hosts_a_torrent);
      sum += table.hosts().size();
    }
    ASSERT_EQ(book.size(), sum) << step;
    ASSERT_LE(sum, limits.hosts) << step;
  }
}

TEST(RateCurve, CoversAnyTimeInSoManyPoints) {
  RateCurve curve;
  for (int i = 0; i < 100'000; ++i) {
    curve.add(TimePoint(seconds(i)), 5);
    ASSERT_LE(curve.points().size(), RateCurve::max_points);
  }
  EXPECT_GT(curve.points().size(), RateCurve::max_points / 3);
  for (std::size_t i = 0; i < curve.points().size(); ++i) {
    EXPECT_DOUBLE_EQ(curve.points()[i].rate, 5);
    EXPECT_TRUE(i == 0 || curve.points()[i].time > curve.points()[i - 1].time);
  }
}

TEST(RateCurve, PointsAreMeans) {
  RateCurve curve;
  for (int i = 0; i < 241; ++i) curve.add(TimePoint(seconds(i)), i % 2 == 0 ? 0 : 10);
  ASSERT_EQ(curve.points().size(), 120u);
  EXPECT_DOUBLE_EQ(curve.points()[7].rate, 5);
}

TEST(SeededHash, IsSipHash24) {
  std::array<std::byte, 15> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  const HashSeed seed{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  EXPECT_EQ(siphash(seed, bytes), 0xa129ca6149be45e5);  // of the paper's appendix
  EXPECT_EQ(siphash(seed, {}), 0x726fdb47dd0e0e31);     // of its reference implementation
  EXPECT_NE(siphash({}, bytes), siphash(seed, bytes));
}

}  // namespace
}  // namespace ezio::tracker
