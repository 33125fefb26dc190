// A book of hosts, what it tells, and a clock that is turned by hand.
#pragma once

#include <gtest/gtest.h>

#include <list>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "host_fixture.hpp"
#include "tracker/host_book.hpp"
#include "tracker/tally.hpp"

namespace ezio::tracker::test {

using std::chrono::seconds;

class HostBookTest : public testing::Test {
 protected:
  void take(const AnnounceQuery& query, const std::optional<HostReport>& report = {},
            const char* address = "10.0.0.7") {
    book.take(query, *parse_address(address, query.port), report ? &*report : nullptr, now, random);
  }
  void pass(int count) {
    for (int i = 0; i < count; ++i) {
      now += seconds(1);
      book.tick(now);
    }
  }
  const std::list<Host>& hosts(int torrent = 1) const {
    static const std::list<Host> nobody;
    const auto found = book.tables().find(torrent_of(torrent));
    return found == book.tables().end() ? nobody : found->second.hosts();
  }
  const Host& only() const {
    EXPECT_EQ(hosts().size(), 1u);
    return hosts().front();
  }
  std::string sentence(const Expectation& expectation = {}) const { return summary(book, expectation); }

  HostLimits limits{.hosts_a_torrent = 10, .hosts = 15, .hosts_an_address = 8};
  std::vector<std::string> events;
  std::mt19937_64 random{1};
  TimePoint now{seconds(1'000'000)};
  HostBook book{limits,
                {seconds(15), seconds(150), seconds(2)},
                {1, 2},
                [this](HostEvent event, const InfoHash&, const Host& host) {
                  events.push_back(std::string(to_string(event)) + " " + host.name() +
                                   (host.reason().empty() ? "" : ": " + host.reason()));
                }};
};

}  // namespace ezio::tracker::test
