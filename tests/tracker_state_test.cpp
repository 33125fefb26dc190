// What a tracker keeps over a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host_fixture.hpp"
#include "tracker/announce_desk.hpp"

namespace ezio::tracker {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using test::query_of;
using test::report_of;
using test::torrent_of;

// A tracker, and the one that takes its place.
class StateTest : public testing::Test {
 protected:
  void say(AnnounceDesk& desk, int peer, std::uint64_t left, const std::string& more,
           const char* address = "10.0.0.7") {
    std::string query = "info_hash=" + std::string(20, 'h') + "&peer_id=" + std::string(19, 'p') +
                        static_cast<char>('a' + peer) + "&port=" + std::to_string(6000 + peer) +
                        "&left=" + std::to_string(left) + more;
    const std::string reply = desk.announce(
        query, *parse_address(address, 40000), [] { return Endpoint{}; }, now.time);
    EXPECT_EQ(reply.find("failure"), reply.npos) << reply;
  }
  std::string state() const { return state_text(before.book(), before.registry(), now); }
  void restart(Duration pause) {
    const std::string text = state();
    now = {now.time + pause, now.unix_s + std::chrono::duration<double>(pause).count()};
    auto torrents = parse_state(text, now);
    ASSERT_TRUE(torrents) << torrents.error().message;
    for (SavedTorrent& torrent : *torrents) after.restore(std::move(torrent), now.time);
  }
  std::vector<std::string> told;
  Moment now{TimePoint(hours(1000)), 1.75e9};
  AnnounceDesk before{{}, 1, {}};
  AnnounceDesk after{{},
                     2,
                     {[this](HostEvent event, const InfoHash&, const Host& host) {
                        told.push_back(std::string(to_string(event)) + " " + host.name());
                      },
                      {},
                      {}}};
};

const std::string leeching =
    "&host=lab-01&state=leeching&pieces=100&have=50&reused=1&fetched=49&down=1000&map=_w&target=/dev/"
    "sda&model=M&"
    "serial=S";

TEST_F(StateTest, HistoryIsTheSameAfterARestart) {
  say(before, 1, 50, leeching);
  for (int i = 0; i < 5; ++i) {
    now = {now.time + seconds(1), now.unix_s + 1};
    before.tick(now.time);
  }
  say(before, 1, 50, leeching);
  say(before, 2, 0, "&event=completed&host=lab-02&state=done&pieces=100&have=100");
  say(before, 2, 0, "&event=stopped&host=lab-02&state=done&pieces=100&have=100");
  say(before, 3, 7, "&host=lab-03&state=failed&error=no+disk&event=stopped");
  say(before, 4, 0, "");
  const std::string text = state();
  restart({});
  EXPECT_EQ(state_text(after.book(), after.registry(), now), text);
  // Again and again it is as if made for the first time.
  StateText again;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(again.make(after.book(), after.registry(), now), text);
  EXPECT_TRUE(told.empty()) << "nothing new has happened";
  say(after, 1, 40, leeching);
  const std::string later = state_text(after.book(), after.registry(), now);
  EXPECT_NE(later, text);
  EXPECT_EQ(again.make(after.book(), after.registry(), now), later);
}

TEST_F(StateTest, AHostThatGoesOnIsTheSameRowAndIsIntroducedToOthers) {
  say(before, 1, 50, leeching);
  const std::uint64_t id = before.book().tables().begin()->second.hosts().front().id;
  restart(seconds(60));
  const std::string query =
      "info_hash=" + std::string(20, 'h') + "&peer_id=" + std::string(20, 'z') + "&port=7&left=1&compact=0";
  const std::string reply = after.announce(
      query, *parse_address("10.0.0.8", 1), [] { return Endpoint{}; }, now.time);
  EXPECT_NE(reply.find("10.0.0.7"), reply.npos) << reply;
  say(after, 1, 40, leeching);
  const auto& hosts = after.book().tables().begin()->second.hosts();
  ASSERT_EQ(hosts.size(), 2u);
  EXPECT_EQ(hosts.front().id, id);
  EXPECT_EQ(hosts.front().left, 40u);
}

TEST_F(StateTest, LastWorksGoOnWhileTheTrackerIsAway) {
  const std::string finishing = "&host=lab-01&state=finishing&pieces=100&have=100&event=stopped";
  say(before, 1, 50, leeching);
  say(before, 1, 0, finishing);
  restart(hours(2));
  after.tick(now.time + seconds(1));
  const auto& hosts = after.book().tables().begin()->second.hosts();
  ASSERT_EQ(hosts.size(), 1u);
  EXPECT_EQ(shown_state(hosts.front()), "finishing");
  EXPECT_FALSE(hosts.front().is_over());
  say(after, 1, 0, "&host=lab-01&state=done&pieces=100&have=100&event=stopped");
  EXPECT_EQ(shown_state(hosts.front()), "done");
  EXPECT_EQ(told, std::vector<std::string>{"done lab-01"});
}

TEST_F(StateTest, TimeThatTheTrackerWasAwayIsNotTheHostsSilence) {
  say(before, 1, 50, leeching);
  restart(hours(2));
  after.tick(now.time + seconds(1));
  EXPECT_FALSE(after.book().tables().begin()->second.hosts().front().lost);
  after.tick(now.time + seconds(16));
  EXPECT_TRUE(after.book().tables().begin()->second.hosts().front().lost);
  EXPECT_EQ(told, std::vector<std::string>{"lost lab-01"});
}

TEST_F(StateTest, WhatIsNoStateIsRefused) {
  say(before, 1, 50, leeching);
  const std::string good = state();
  ASSERT_TRUE(parse_state(good, now));
  EXPECT_FALSE(parse_state("", now));
  EXPECT_FALSE(parse_state("{}", now));
  EXPECT_FALSE(parse_state("[]", now));
  EXPECT_FALSE(parse_state(R"({"ezio_tracker_state":2,"torrents":[]})", now));
  for (std::size_t length = 0; length + 2 < good.size(); length += 7) {
    EXPECT_FALSE(parse_state(good.substr(0, length), now)) << length;
  }
}

// Whatever is changed in it, it is refused, or read as something that can be written again.
TEST_F(StateTest, AStateThatWasDamagedDoesNoHarm) {
  say(before, 1, 50, leeching);
  say(before, 2, 0, "&event=completed&host=lab-02&state=done");
  before.tick(now.time);
  const std::string good = state();
  std::mt19937 random(1);
  int read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good;
    for (int changes = 1 + i % 3; changes > 0; --changes) {
      bad[random() % bad.size()] = "0123456789-eE.\"{}[]:,nulltrue\x00\xff"[random() % 31];
    }
    auto torrents = parse_state(bad, now);
    if (!torrents) continue;
    ++read;
    AnnounceDesk desk{{}, 3, {}};
    for (SavedTorrent& torrent : *torrents) desk.restore(std::move(torrent), now.time);
    desk.tick(now.time);
    EXPECT_TRUE(parse_state(state_text(desk.book(), desk.registry(), now), now)) << bad;
  }
  EXPECT_GT(read, 1000) << "most digits can be others";
}

}  // namespace
}  // namespace ezio::tracker
