// A tracker's control room over a whole deployment under a virtual clock: hosts that clone, fail, are killed
// or come late, and a tracker that is killed and started again meanwhile. What it says at the end is what
// became of each of them; only last words of the last second before it was killed may be lost.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "bt/wire/announce.hpp"
#include "sim/seeds.hpp"
#include "tracker/announce_desk.hpp"
#include "tracker/verdict.hpp"

namespace ezio::tracker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

enum class Fate { done, failed, refused, killed, unheard };

struct SimHost {
  std::uint32_t number = 0;
  Fate fate = Fate::done;
  TimePoint next;  // announce
  TimePoint ends;
  bool reports = false;  // it has been asked to
  bool over = false;
  double share = 0;  // of the image
};

class Deployment {
 public:
  Deployment(std::uint64_t seed, std::uint32_t count, Duration length) : random_(seed) {
    new_tracker();
    for (std::uint32_t i = 0; i < count; ++i) {
      SimHost host;
      host.number = i;
      const std::uint64_t dice = random_() % 20;
      host.fate = dice == 0   ? Fate::failed
                  : dice == 1 ? Fate::killed
                  : dice == 2 ? Fate::refused
                              : Fate::done;
      host.next = now_ + milliseconds(random_() % 20'000);
      host.ends = host.next + length / 2 + milliseconds(random_() % 1000) * (length / seconds(2));
      hosts_.push_back(host);
    }
  }

  // Until everybody's end, and some more; with so many restarts at times by chance.
  void run(Duration length, int restarts) {
    const TimePoint end = now_ + 2 * length + seconds(60);
    while (now_ < end) {
      now_ += milliseconds(250);
      for (SimHost& host : hosts_) {
        if (!host.over && now_ >= host.next) act(host);
      }
      if (now_ >= next_tick_) tick();
      if (restarts > 0 && random_() % 400 == 0) {
        --restarts;
        restart();
      }
    }
  }

  void expect_truth() {
    std::erase_if(hosts_, [](const SimHost& host) { return host.fate == Fate::unheard; });
    std::map<std::string, const Host*> rows;
    const auto& table = desk_->book().tables().begin()->second;
    for (const Host& host : table.hosts()) rows[host.report.host] = &host;
    ASSERT_EQ(table.hosts().size(), rows.size()) << "a host is one row";
    for (const SimHost& host : hosts_) {
      const Host& row = *rows.at(name_of(host));
      const std::string expected = host.fate == Fate::done     ? "done"
                                   : host.fate == Fate::killed ? "lost"
                                                               : "failed";
      EXPECT_EQ(shown_state(row), expected) << name_of(host);
      EXPECT_EQ(row.reason().empty(), expected != "failed") << name_of(host);
    }
    Expectation expectation;
    expectation.hosts = static_cast<std::uint32_t>(rows.size());
    const Verdict verdict = judge(desk_->book(), expectation, now_ + std::chrono::minutes(5));
    EXPECT_TRUE(verdict.complete);
    EXPECT_EQ(verdict.done, count(Fate::done));
    EXPECT_EQ(verdict.failed, count(Fate::failed) + count(Fate::refused));
    EXPECT_EQ(verdict.lost, rows.size() - verdict.done - verdict.failed);
    EXPECT_EQ(desk_->counters.refused, 0u);
    now_ += desk_->registry().lifetime() + seconds(10);
    desk_->tick(now_);
    EXPECT_EQ(desk_->registry().peer_count(), 0u) << "nobody who is gone is handed out";
  }
  std::size_t restarts() const { return restarts_; }

 private:
  static std::string name_of(const SimHost& host) { return fmt::format("lab-{:04}", host.number); }
  std::size_t count(Fate fate) const {
    return static_cast<std::size_t>(std::ranges::count(hosts_, fate, &SimHost::fate));
  }
  Moment moment() const {
    return {now_, 1.75e9 + std::chrono::duration<double>(now_.time_since_epoch()).count()};
  }

  void new_tracker() {
    desk_ = std::make_unique<AnnounceDesk>(DeskLimits{}, random_(), AnnounceDesk::Listeners{});
  }

  // Killed: what was said since the last save is forgotten.
  void restart() {
    ++restarts_;
    for (SimHost& host : hosts_) {
      if (host.over && host.fate != Fate::killed && host.next > saved_at_) host.fate = Fate::unheard;
    }
    const std::string text = saved_;
    now_ += milliseconds(random_() % 4000);
    new_tracker();
    if (text.empty()) return;
    auto torrents = parse_state(text, moment());
    ASSERT_TRUE(torrents) << torrents.error().message;
    for (SavedTorrent& torrent : *torrents) desk_->restore(std::move(torrent), now_);
  }

  void tick() {
    next_tick_ = now_ + seconds(1);
    desk_->tick(now_);
    saved_at_ = now_;
    saved_ = state_text(desk_->book(), desk_->registry(), moment());
  }

  void act(SimHost& host) {
    const bool ends = now_ >= host.ends;
    if (ends && host.fate == Fate::killed) {
      host.over = true;
      return;
    }
    const bool refused = host.fate == Fate::refused;
    host.share = ends && host.fate == Fate::done ? 1 : std::min(0.99, host.share + 0.01);
    HostReport report;
    report.host = name_of(host);
    report.pieces = 1000;
    report.have = static_cast<std::uint32_t>(host.share * 1000);
    report.state = host.fate == Fate::done && ends ? HostState::done : HostState::leeching;
    if ((ends && host.fate == Fate::failed) || refused) {
      report.state = HostState::failed;
      report.error = refused ? "/dev/sda is mounted" : "Input/output error";
    }
    // Who has not been asked for reports says so plainly, and is asked by the reply.
    const bool stops = (ends && host.reports) || refused;
    say(host, report, stops ? AnnounceEvent::stopped : AnnounceEvent::none);
    if (refused && !std::exchange(host.reports, true)) say(host, report, AnnounceEvent::stopped);
    host.over = stops && host.reports;
    host.next = now_;  // of one that is over its last word
    if (!host.over) host.next += host.reports ? seconds(5) : seconds(0);
    host.reports = true;
  }

  void say(const SimHost& host, const HostReport& report, AnnounceEvent event) {
    std::string query = fmt::format("info_hash={}&peer_id=-EZ0000-{:012}&port=6881&left={}&numwant=5",
                                    std::string(20, 'h'), host.number, 1000 - report.have);
    if (event == AnnounceEvent::stopped) query += "&event=stopped";
    if (host.reports) append_report(query, report);
    const auto source =
        parse_address(fmt::format("10.0.{}.{}", host.number / 250, host.number % 250 + 1), 40000);
    const auto reply = parse_announce_reply(as_bytes(desk_->announce(
        query, *source, [] { return Endpoint{}; }, now_)));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_TRUE(reply->report_interval);
    EXPECT_LE(reply->peers.size(), 5u);
    for (const Endpoint& peer : reply->peers) EXPECT_NE(peer.address, source->address) << "itself";
  }

  std::mt19937_64 random_;
  TimePoint now_{seconds(1'000'000)};
  TimePoint next_tick_;
  std::vector<SimHost> hosts_;
  std::unique_ptr<AnnounceDesk> desk_;
  std::string saved_;
  TimePoint saved_at_;
  std::size_t restarts_ = 0;
};

TEST(ControlRoomSim, SaysWhatBecameOfEveryHostWhateverHappensToIt) {
  sim::for_each_seed([](std::uint64_t seed) {
    Deployment room(seed, 40, seconds(120));
    room.run(seconds(120), 3);
    room.expect_truth();
  });
}

TEST(ControlRoomSim, AThousandHostsAndAKilledTracker) {
  sim::for_each_seed(
      [](std::uint64_t seed) {
        Deployment room(seed, 1000, seconds(120));
        room.run(seconds(120), 2);
        EXPECT_GT(room.restarts(), 0u);
        room.expect_truth();
      },
      1);
}

}  // namespace
}  // namespace ezio::tracker
