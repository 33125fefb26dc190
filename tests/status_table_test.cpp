#include "tools/tracker/status_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace ezio {
namespace {

using testing::HasSubstr;
using testing::Not;

const boost::json::value room = boost::json::parse(R"({
  "summary": "1 of 3 done, lab-03 failed: /dev/sda: Input/output error",
  "verdict": {"complete": false, "ok": false, "expected": 3, "done": 1, "failed": 1, "lost": 0},
  "torrents": [{"name": "lab-2026", "down_bytes_per_s": 1e8, "eta_s": 62, "hosts": [
    {"name": "lab-01", "state": "done", "progress": 1, "targets": [{"path": "/dev/sda"}], "error": ""},
    {"name": "lab-02", "state": "leeching", "progress": 0.5, "down_bytes_per_s": 1e8, "eta_s": 62,
     "targets": [{"path": "/dev/sda"}, {"path": "/dev/sdb"}], "error": ""},
    {"name": "lab-03", "state": "failed", "progress": 0.63, "targets": [{"path": "/dev/sda"}],
     "error": "/dev/sda: Input/output error"}]}]})");

TEST(StatusTable, ShowsWhoNeedsHelpFirst) {
  EXPECT_EQ(status_table(room, {}),
            "1 of 3 done, lab-03 failed: /dev/sda: Input/output error\n"
            "lab-2026  100.0 MB/s  1:02 left\n"
            "  lab-03  failed      63.0 %                        /dev/sda  /dev/sda: Input/output error\n"
            "  lab-02  leeching    50.0 %    100.0 MB/s    1:02  /dev/sda, /dev/sdb\n"
            "  lab-01  done       100.0 %                        /dev/sda\n");
}

TEST(StatusTable, LastWorksAreNeitherTroubleNorAnEnd) {
  const auto finishing = boost::json::parse(R"({"torrents": [{"name": "lab", "hosts": [
    {"name": "a", "state": "done", "progress": 1}, {"name": "b", "state": "finishing", "progress": 1},
    {"name": "c", "state": "lost", "progress": 1}]}]})");
  const std::string text = status_table(finishing, {});
  EXPECT_THAT(text, HasSubstr("finishing  100.0 %"));
  EXPECT_LT(text.find("lost"), text.find("finishing"));
  EXPECT_LT(text.find("finishing"), text.find("done"));
}

TEST(StatusTable, FitsTheTerminal) {
  const std::string text = status_table(room, {.width = 40, .height = 4});
  std::istringstream lines(text);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 42u) << line;
  EXPECT_EQ(count, 4);
  EXPECT_THAT(text, HasSubstr("lab-03"));
  EXPECT_THAT(text, HasSubstr("… and 2 lines more\n"));
}

TEST(StatusTable, ColorsOnlyWhereAsked) {
  EXPECT_THAT(status_table(room, {.color = true}), HasSubstr("\x1b[31m  lab-03"));
  EXPECT_THAT(status_table(room, {}), Not(HasSubstr("\x1b")));
}

TEST(StatusTable, TextOfHostsCannotSteerTheTerminal) {
  const auto hostile = boost::json::parse(
      R"({"summary": "\u001b[2J\u0007", "torrents": [{"name": "\u202e", "hosts": [
          {"name": "\u001b]0;owned\u0007", "state": "\n\r", "error": "\u009b31m"}]}]})");
  const std::string text = status_table(hostile, {});
  for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  EXPECT_EQ(std::ranges::count(text, '\n'), 3);
  EXPECT_THAT(text, Not(HasSubstr("\u202e")));
}

TEST(StatusTable, BearsWhateverAServerSays) {
  for (const char* text :
       {"null", "1", "[]", "{}", R"({"torrents": 1})", R"({"torrents": [1, {}]})",
        R"({"summary": [], "torrents": [{"name": 1, "hosts": [null, {"targets": {}, "progress": "x"}]}]})",
        R"({"verdict": []})",
        R"({"torrents":[{"eta_s":1e300,"down_bytes_per_s":-1e308,"hosts":[{"eta_s":-1}]}]})"}) {
    const auto value = boost::json::parse(text);
    EXPECT_TRUE(status_table(value, {}).ends_with('\n')) << text;
    EXPECT_EQ(standing(value), Standing::under_way) << text;
  }
}

TEST(StatusTable, SaysHowTheDeploymentStands) {
  const auto of = [](const char* verdict) {
    return standing(boost::json::parse(std::string(R"({"verdict": )") + verdict + "}"));
  };
  EXPECT_EQ(standing(room), Standing::failed);
  EXPECT_EQ(of(R"({"complete": true, "ok": true, "failed": 0, "lost": 0})"), Standing::verified);
  EXPECT_EQ(of(R"({"complete": true, "ok": false, "failed": 0, "lost": 2})"), Standing::failed);
  EXPECT_EQ(of(R"({"complete": false, "ok": false, "failed": 0, "lost": 0})"), Standing::under_way);
}

}  // namespace
}  // namespace ezio
