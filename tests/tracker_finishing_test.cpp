// Hosts whose clone is verified and whose last works are pending or under way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host_book_fixture.hpp"
#include "tracker/verdict.hpp"

namespace ezio::tracker {
namespace {

using test::HostBookTest;
using test::query_of;
using test::report_of;
using testing::ElementsAre;

TEST_F(HostBookTest, LastWorksAfterAStopEndAsTheHostSaysAtTheirEnd) {
  take(query_of(1, 55), report_of(HostState::leeching, "a"));
  take(query_of(2, 55), report_of(HostState::leeching, "b"));
  for (int peer : {1, 2}) {
    take(query_of(peer, 0), report_of(HostState::finishing, peer == 1 ? "a" : "b"));
    take(query_of(peer, 0, AnnounceEvent::stopped));  // as one that asks a tracker whether it is ours
    take(query_of(peer, 0, AnnounceEvent::stopped), report_of(HostState::finishing, peer == 1 ? "a" : "b"));
  }
  for (int i = 0; i < 4; ++i) {
    pass(10);
    for (int peer : {1, 2})
      take(query_of(peer, 0, AnnounceEvent::stopped), report_of(HostState::finishing, peer == 1 ? "a" : "b"));
  }
  for (const Host& host : hosts()) {
    EXPECT_EQ(shown_state(host), "finishing");
    EXPECT_FALSE(host.ended);
    EXPECT_FALSE(host.finished);
    EXPECT_EQ(host.report.down, 0u) << "it does not receive any more";
  }
  EXPECT_FALSE(judge(book, {}, now).complete);
  EXPECT_THAT(events, ElementsAre("joined a", "joined b"));
  take(query_of(1, 0, AnnounceEvent::stopped), report_of(HostState::done, "a"));
  HostReport failed = report_of(HostState::failed, "b");
  failed.error = "--on-complete: exited with 3";
  take(query_of(2, 0, AnnounceEvent::stopped), failed);
  pass(100);
  EXPECT_TRUE(judge(book, {}, now).complete);
  EXPECT_EQ(sentence(), "1 of 2 done, b failed: /dev/sda: --on-complete: exited with 3");
  EXPECT_THAT(events, ElementsAre("joined a", "joined b", "done a",
                                  "failed b: /dev/sda: --on-complete: exited with 3"));
}

TEST_F(HostBookTest, AHostThatIsSilentDuringItsLastWorksIsLost) {
  take(query_of(1, 0), report_of(HostState::finishing));
  take(query_of(1, 0, AnnounceEvent::stopped), report_of(HostState::finishing));
  pass(16);
  EXPECT_EQ(shown_state(only()), "lost");
  EXPECT_EQ(only().state(), HostState::finishing);
  EXPECT_THAT(events, ElementsAre("joined lab-07", "lost lab-07"));
}

TEST_F(HostBookTest, LastWorksAreSeenByATrackerThatWasNotThereBefore) {
  take(query_of(1, 0, AnnounceEvent::stopped), report_of(HostState::finishing));
  EXPECT_EQ(shown_state(only()), "finishing");
  EXPECT_TRUE(only().leecher);
  take(query_of(1, 0, AnnounceEvent::stopped), report_of(HostState::done));
  EXPECT_THAT(events, ElementsAre("joined lab-07", "done lab-07"));
}

}  // namespace
}  // namespace ezio::tracker
