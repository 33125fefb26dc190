// When a deployment is over, and what is said of it then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "host_fixture.hpp"
#include "tracker/log_line.hpp"
#include "tracker/report_text.hpp"
#include "tracker/verdict.hpp"

namespace ezio::tracker {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using test::query_of;
using test::report_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class DeploymentTest : public testing::Test {
 protected:
  void take(int peer, HostState state, const std::string& host, int torrent = 1,
            const std::string& error = "") {
    const bool ends = state == HostState::done || state == HostState::failed;
    AnnounceQuery query = query_of(peer, state == HostState::done ? 0 : 55,
                                   ends ? AnnounceEvent::stopped : AnnounceEvent::none);
    query.info_hash = test::torrent_of(torrent);
    HostReport report = report_of(state, host);
    report.error = error;
    book.take(query, *parse_address("10.0.0.7", 6881), &report, now, random);
  }
  Verdict verdict() const { return judge(book, expectation, now); }
  std::string report() {
    const std::map<InfoHash, TorrentFacts> torrents{
        {test::torrent_of(1), {"lab-2026", "lab.torrent", 1, 100}}};
    const StatsSources sources{registry, book, torrents, expectation, {}, {}, {}, now};
    return report_text(sources, {now, 1.7e9});
  }
  void pass(Duration time) {
    for (const TimePoint end = now + time; now < end; now += seconds(1)) book.tick(now);
  }

  std::mt19937_64 random{1};
  TimePoint now{seconds(1'000'000)};
  Expectation expectation{.hosts = 3};
  Registry registry{{}};
  HostBook book{{}, {seconds(15), seconds(150), seconds(2)}, {1, 2}, {}};
};

TEST_F(DeploymentTest, IsCompleteWhenAllThatAreExpectedAreDoneOrFailed) {
  EXPECT_FALSE(verdict().complete);
  EXPECT_EQ(verdict().expected, 3u);
  take(1, HostState::done, "a");
  take(2, HostState::done, "b");
  EXPECT_FALSE(verdict().complete) << "one has not come";
  take(3, HostState::leeching, "c");
  EXPECT_FALSE(verdict().complete);
  take(3, HostState::verifying, "c");
  EXPECT_FALSE(verdict().complete);
  take(3, HostState::done, "c");
  EXPECT_TRUE(verdict().ok());
  EXPECT_EQ(verdict().done, 3u);
}

TEST_F(DeploymentTest, OneFailureIsEnoughForItNotToBeGood) {
  for (int i = 1; i <= 3; ++i) take(i, i == 2 ? HostState::failed : HostState::done, std::to_string(i));
  EXPECT_TRUE(verdict().complete);
  EXPECT_FALSE(verdict().ok());
  EXPECT_EQ(verdict().failed, 1u);
}

TEST_F(DeploymentTest, ASeederIsNoHostThatIsCloned) {
  take(1, HostState::done, "a");
  take(2, HostState::done, "b");
  AnnounceQuery query = query_of(9, 0);
  const HostReport seeding = report_of(HostState::seeding, "server");
  book.take(query, *parse_address("10.0.0.1", 6881), &seeding, now, random);
  EXPECT_FALSE(verdict().complete);
  EXPECT_EQ(verdict().expected, 3u);
}

TEST_F(DeploymentTest, WhoIsLostMayComeBackForFiveMinutes) {
  for (int i = 1; i <= 2; ++i) take(i, HostState::done, std::to_string(i));
  take(3, HostState::leeching, "c");
  pass(minutes(4));
  EXPECT_FALSE(verdict().complete);
  pass(minutes(1) + seconds(1));
  EXPECT_TRUE(verdict().complete);
  EXPECT_FALSE(verdict().ok());
  EXPECT_EQ(verdict().lost, 1u);
}

TEST_F(DeploymentTest, NamesThatAreExpectedAreNotMadeUpForByOthers) {
  expectation.names = {"a", "b", "c"};
  take(1, HostState::done, "a");
  take(2, HostState::done, "b");
  take(3, HostState::done, "x");
  EXPECT_FALSE(verdict().complete);
  EXPECT_THAT(verdict().missing, ElementsAre("c"));
  take(4, HostState::done, "c");
  EXPECT_TRUE(verdict().ok());
  EXPECT_EQ(verdict().done, 4u);
}

TEST_F(DeploymentTest, EveryTorrentThatIsBeingClonedHasToBe) {
  expectation.hosts = 1;
  take(1, HostState::done, "a", 1);
  EXPECT_TRUE(verdict().ok());
  take(1, HostState::leeching, "a", 2);
  EXPECT_FALSE(verdict().complete);
  take(1, HostState::failed, "a", 2);
  EXPECT_TRUE(verdict().complete);
  EXPECT_FALSE(verdict().ok());
}

TEST_F(DeploymentTest, ItsEndIsToldOnceItStandsAndAgainAfterMoreWork) {
  Completion completion;
  Verdict complete;
  complete.complete = true;
  const auto told = [&](const Verdict& one) { return completion.has_come(one, now += seconds(1)); };
  EXPECT_FALSE(told({}));
  EXPECT_FALSE(told(complete));
  EXPECT_FALSE(told({})) << "one that failed has come again";
  EXPECT_FALSE(told(complete));
  EXPECT_FALSE(told(complete));
  EXPECT_TRUE(told(complete));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(told(complete));
  EXPECT_FALSE(told({}));
  EXPECT_FALSE(told(complete));
  EXPECT_FALSE(told(complete));
  EXPECT_TRUE(told(complete));
}

TEST_F(DeploymentTest, TheReportNamesWhoFailedFirstAndWhoNeverCame) {
  expectation.names = {"a", "b", "z"};
  take(1, HostState::leeching, "b");
  now += seconds(75);
  take(1, HostState::done, "b");
  take(2, HostState::failed, "a", 1, "/dev/sda offset 0x3f0000: Input/output error");
  const std::string text = report();
  EXPECT_THAT(text, HasSubstr("1 of 3 done, a failed: /dev/sda offset 0x3f0000: Input/output error"));
  EXPECT_THAT(text, HasSubstr("lab-2026\n"));
  EXPECT_LT(text.find("  a  "), text.find("  b  "));
  EXPECT_THAT(text, HasSubstr("1:15"));
  EXPECT_THAT(text, HasSubstr("  z was not seen\n"));
}

TEST_F(DeploymentTest, ALineOfTheLogIsOneJsonObjectWhateverAHostSays) {
  take(1, HostState::failed, "evil\n{\"\x01\x7f", 1, "\"}\n{\"event\":\"done\"}");
  const Host& host = book.tables().begin()->second.hosts().front();
  const std::string line = log_line(HostEvent::failed, 1.75e9 + 0.25, test::torrent_of(1), "lab", host);
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  const auto object = boost::json::parse(line);
  EXPECT_EQ(object.at("time").as_string(), "2025-06-15T15:06:40.250Z");
  EXPECT_EQ(object.at("event").as_string(), "failed");
  EXPECT_EQ(object.at("torrent").as_string(), "lab");
  EXPECT_EQ(object.at("targets").at(0).as_string(), "/dev/sda");
  const auto refusal =
      boost::json::parse(refusal_line(0, *parse_address("10.0.0.9", 1), std::string(5000, '\n'), 7));
  EXPECT_EQ(refusal.at("time").as_string(), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(refusal.at("address").as_string(), "10.0.0.9");
  EXPECT_EQ(refusal.at("unlogged").as_int64(), 7);
  EXPECT_LT(refusal.at("error").as_string().size(), 300u);
}

}  // namespace
}  // namespace ezio::tracker
