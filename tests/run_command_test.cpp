// Programs that are run to their end, and what they say.
#include "tools/common/run_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ezio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;

struct Ran {
  Result<CommandEnd> end = Error{""};
  std::vector<std::string> lines;
};

Ran shell(const std::string& script, const CommandFacts& facts = {}) {
  Ran ran;
  ran.end =
      run_command({"sh", "-c", script}, facts, [&](const std::string& line) { ran.lines.push_back(line); });
  EXPECT_TRUE(ran.end);
  return ran;
}

TEST(RunCommand, LinesOfBothStreamsAreHandedOnAndTheLastOfStderrIsKept) {
  const Ran ran = shell("echo one; echo two >&2; printf 'bar 10%%\\rbar 20%%\\r'; printf end >&2; exit 3");
  EXPECT_THAT(ran.lines, IsSupersetOf({"one", "two", "bar 10%", "bar 20%", "end"}));
  EXPECT_EQ(failure_text(*ran.end), "exited with 3: end");
}

TEST(RunCommand, WithNothingOnStderrTheLastLineIsThatOfStdout) {
  EXPECT_EQ(failure_text(*shell("echo first; echo last; exit 1").end), "exited with 1: last");
  EXPECT_EQ(failure_text(*shell("exit 1").end), "exited with 1");
  EXPECT_EQ(failure_text(*shell("echo fine").end), "");
}

TEST(RunCommand, ASignalIsAnEndToo) {
  EXPECT_EQ(failure_text(*shell("kill -9 $$").end), "was ended by signal 9");
}

TEST(RunCommand, HasNoInputOursIgnoredSignalsNotAndItsFacts) {
  const Ran ran = shell("cat; echo \"$EZIO_X\"; kill -PIPE $$; echo survived", {{"EZIO_X", "a b"}});
  EXPECT_THAT(ran.lines, ElementsAre("a b"));
  EXPECT_EQ(failure_text(*ran.end), "was ended by signal 13: a b");
}

TEST(RunCommand, WhatItLeavesBehindIsNotWaitedFor) {
  const Ran ran = shell("sleep 100 & echo $!");
  ASSERT_EQ(ran.lines.size(), 1u);
  // It had the pipe all the time.
  const Ran after = shell("kill " + ran.lines[0]);
  EXPECT_EQ(failure_text(*after.end), "");
}

TEST(RunCommand, MuchOutputIsNoStandstill) {
  std::size_t bytes = 0;
  const auto end =
      run_command({"sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2"}, {},
                  [&](const std::string& line) { bytes += line.size(); });
  ASSERT_TRUE(end);
  EXPECT_EQ(bytes, 3'300'000u);
}

TEST(RunCommand, OneThatIsNotThereIsAnError) {
  const auto end = run_command({"/no/such/program"}, {}, [](const std::string&) {});
  ASSERT_FALSE(end);
  EXPECT_THAT(end.error().message, HasSubstr("/no/such/program"));
}

}  // namespace
}  // namespace ezio
