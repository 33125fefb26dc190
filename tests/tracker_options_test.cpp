#include "tools/tracker/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "temp_directory.hpp"

namespace ezio {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class TrackerOptionsTest : public testing::Test {
 protected:
  static std::variant<TrackerOptions, StatusOptions, EarlyExit> parse(std::vector<std::string> words) {
    std::vector<const char*> argv{"ezio-tracker"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    return parse_tracker_options(static_cast<int>(argv.size()), argv.data());
  }
  static TrackerOptions options(std::vector<std::string> words) {
    words.insert(words.begin(), "--listen=127.0.0.1:6969");
    const auto parsed = parse(std::move(words));
    EXPECT_TRUE(std::holds_alternative<TrackerOptions>(parsed));
    return std::get<TrackerOptions>(parsed);
  }
  static void expect_usage_error(std::vector<std::string> words) {
    const std::string shown = words.empty() ? "" : words.back();
    const auto parsed = parse(std::move(words));
    ASSERT_TRUE(std::holds_alternative<EarlyExit>(parsed)) << shown;
    EXPECT_EQ(std::get<EarlyExit>(parsed).code, 2) << shown;
  }
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(directory.path(name)) << text;
    return directory.path(name);
  }
  TempDirectory directory;
};

TEST_F(TrackerOptionsTest, WhereToListenIsNeeded) {
  expect_usage_error({});
  expect_usage_error({"--listen", "nowhere"});
  const TrackerOptions both = options({"--listen", "[::1]:7000"});
  ASSERT_EQ(both.listen.size(), 2u);
  EXPECT_EQ(to_string(both.listen[1]), "[::1]:7000");
}

TEST_F(TrackerOptionsTest, HostsAreExpectedByNumberOrByName) {
  EXPECT_EQ(options({"--expect", "32"}).expectation.hosts, 32u);
  EXPECT_TRUE(options({"--expect", "32"}).deployment.is_expected);
  EXPECT_FALSE(options({}).deployment.is_expected);
  const TrackerOptions named =
      options({"--expect-hosts", file("hosts", "# the lab\nlab-01\n\n  lab-02 \r\nlab-01\n")});
  EXPECT_THAT(named.expectation.names, ElementsAre("lab-01", "lab-02"));
  EXPECT_EQ(named.expectation.hosts, 2u);
  const std::string listen = "--listen=127.0.0.1:1";
  expect_usage_error({listen, "--expect", "0"});
  expect_usage_error({listen, "--expect", "1", "--expect-hosts", file("hosts", "a")});
  expect_usage_error({listen, "--expect-hosts", file("none", "# nobody\n")});
  expect_usage_error({listen, "--expect-hosts", "/nowhere/at/all"});
}

TEST_F(TrackerOptionsTest, AnEndNeedsToBeExpected) {
  const std::string listen = "--listen=127.0.0.1:1";
  expect_usage_error({listen, "--exit-when-done"});
  expect_usage_error({listen, "--on-complete", "true"});
  const DeploymentOptions o =
      options({"--expect=1", "--exit-when-done", "--on-complete", "mail -s 'all done' admin; rm"}).deployment;
  EXPECT_TRUE(o.exit_when_done);
  EXPECT_THAT(o.on_complete, ElementsAre("mail", "-s", "all done", "admin;", "rm"));
}

TEST_F(TrackerOptionsTest, ATokenComesFromTheCommandLineOrAFile) {
  EXPECT_EQ(options({"--token", "secret-token"}).token, "secret-token");
  EXPECT_EQ(options({"--token-file", file("token", "secret-token\n")}).token, "secret-token");
  const std::string listen = "--listen=127.0.0.1:1";
  expect_usage_error({listen, "--token", "short"});
  expect_usage_error({listen, "--token", "with spaces in it"});
  expect_usage_error({listen, "--token=secret-token", "--token-file", file("token", "secret-token\n")});
}

TEST_F(TrackerOptionsTest, AFileGivesSettingsAndTheCommandLineGoesOverThem) {
  const std::string path =
      file("tracker.conf",
           "# server\nLISTEN=127.0.0.1:7000\nEXPECT=5\nON_COMPLETE=\"/usr/bin/logger done\"\n"
           "EXIT_WHEN_DONE=true\n");
  const auto parsed = parse({"--config", path, "--expect", "6"});
  ASSERT_TRUE(std::holds_alternative<TrackerOptions>(parsed));
  const auto& o = std::get<TrackerOptions>(parsed);
  EXPECT_EQ(o.expectation.hosts, 6u);
  EXPECT_EQ(to_string(o.listen.at(0)), "127.0.0.1:7000");
  EXPECT_THAT(o.deployment.on_complete, ElementsAre("/usr/bin/logger", "done"));
  EXPECT_TRUE(o.deployment.exit_when_done);
  expect_usage_error({"--config", file("bad.conf", "LISTEN=127.0.0.1:1\nNONSENSE=1\n")});
  expect_usage_error({"--config", file("loop.conf", "CONFIG=x\n")});
  expect_usage_error({"--config", "/nowhere"});
}

TEST_F(TrackerOptionsTest, StatusAsksATracker) {
  const auto parsed = parse({"status"});
  ASSERT_TRUE(std::holds_alternative<StatusOptions>(parsed));
  EXPECT_EQ(std::get<StatusOptions>(parsed).url, "http://127.0.0.1:6969");
  const auto once = parse({"status", "http://server:1", "--once", "--token", "secret-token"});
  ASSERT_TRUE(std::holds_alternative<StatusOptions>(once));
  EXPECT_TRUE(std::get<StatusOptions>(once).once);
  EXPECT_EQ(std::get<StatusOptions>(once).url, "http://server:1");
  EXPECT_EQ(std::get<StatusOptions>(once).token, "secret-token");
}

}  // namespace
}  // namespace ezio
