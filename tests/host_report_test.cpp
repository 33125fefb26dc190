#include "bt/wire/host_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bt/base/clean_text.hpp"

namespace ezio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

HostReport full_report() {
  HostReport report;
  report.host = "lab-07 ü";
  report.state = HostState::failed;
  report.pieces = 100;
  report.have = 50;
  report.reused = 1;
  report.fetched = 46;
  report.zeroed = 3;
  report.verified = 4;
  report.down = std::uint64_t{1} << 40;
  report.up = 5;
  report.error = "/dev/sda offset 0x3f0000: Input/output error & more = 100 %";
  report.version = "0.1.0";
  report.map = {0, 128, 255};
  report.targets = {{"/dev/sda", "Samsung SSD 870", "S5Y1NX0R123456", HostState::failed, "no space"},
                    {"/dev/sdb", "", "", HostState::leeching, ""}};
  return report;
}

HostReport parsed(const std::string& query) {
  const auto report = parse_host_report(query);
  EXPECT_TRUE(report) << query << ": " << (report ? "" : report.error().message);
  return report ? *report : HostReport{};
}

std::string error_of(const std::string& query) {
  const auto report = parse_host_report(query);
  return report ? "" : report.error().message;
}

std::string encoded(const HostReport& report) {
  std::string query = "port=1";
  append_report(query, report);
  return query;
}

TEST(HostReport, IsReadAsItWasWritten) {
  EXPECT_EQ(parsed(encoded(full_report())), full_report());
  EXPECT_EQ(parsed(encoded(HostReport{})), HostReport{});
}

TEST(HostReport, EveryStateHasANameOfItsOwn) {
  for (std::size_t i = 0; i < host_state_count; ++i) {
    const auto state = static_cast<HostState>(i);
    EXPECT_EQ(parse_host_state(to_string(state)), state);
  }
  EXPECT_EQ(to_string(HostState::failed), "failed");
  EXPECT_EQ(parse_host_state("lost"), std::nullopt);
}

TEST(HostReport, WhatIsLeftOutIsZeroOrEmpty) {
  HostReport expected;
  expected.state = HostState::checking;
  EXPECT_EQ(parsed("info_hash=x&state=checking&left=5"), expected);
}

TEST(HostReport, NeedsAState) {
  EXPECT_EQ(error_of(""), "state is missing");
  EXPECT_EQ(error_of("host=a&pieces=3"), "state is missing");
  EXPECT_EQ(error_of("state=resting"), "state 'resting' is not a state of a host");
  EXPECT_NE(error_of("state="), "");
}

TEST(HostReport, NumbersThatAreNoneAreNamed) {
  EXPECT_EQ(error_of("state=done&pieces=4294967296"), "pieces '4294967296' is not a number in range");
  for (const char* bad : {"have=-1", "reused=", "fetched=1x", "zeroed=1.5", "verified=%201", "down=-1",
                          "up=18446744073709551616"}) {
    EXPECT_NE(error_of(std::string("state=done&") + bad), "") << bad;
  }
}

TEST(HostReport, NobodyHasMorePiecesThanThereAre) {
  EXPECT_EQ(error_of("state=done&pieces=3&have=4"), "have 4 of 3 pieces");
  EXPECT_EQ(error_of("state=done&pieces=3&verified=4"), "verified 4 of 3 pieces");
  EXPECT_EQ(error_of("state=done&pieces=3&have=3&verified=3"), "");
}

TEST(HostReport, TextsAreCutAndCleaned) {
  HostReport report;
  report.host = std::string(63, 'h') + "ü";
  report.error = "one\ntwo\x1b[31m\xff" + std::string(1000, 'e');
  report.version = std::string(100, 'v');
  report.targets = {{std::string(5000, 'p'), std::string(100, 'm'), std::string(100, 's'), HostState::failed,
                     std::string(1000, 'e')}};
  const HostReport got = parsed(encoded(report));
  EXPECT_EQ(got.host, std::string(63, 'h'));
  EXPECT_EQ(got.error, clean_text(report.error, 256));
  EXPECT_EQ(got.version.size(), 32u);
  EXPECT_EQ(got.targets[0].path.size(), 256u);
  EXPECT_EQ(got.targets[0].model.size(), 64u);
  EXPECT_EQ(got.targets[0].serial.size(), 64u);
  EXPECT_EQ(got.targets[0].error.size(), 256u);
}

TEST(HostReport, TheTextsOfStrangersAreCutAndCleanedToo) {
  const HostReport got =
      parsed("state=failed&error=a%0Ab%FF" + std::string(9000, 'e') + "&host=%1b&target=%00");
  EXPECT_EQ(got.error.size(), 256u);
  EXPECT_THAT(got.error, HasSubstr("a\xEF\xBF\xBD"
                                   "b"));
  EXPECT_EQ(got.host, "\xEF\xBF\xBD");
  EXPECT_EQ(got.targets[0].path, "\xEF\xBF\xBD");
}

TEST(HostReport, WhatFollowsATargetBelongsToIt) {
  const HostReport got = parsed(
      "target=/a&model=m&target=/b&target_state=done&serial=s&state=leeching&target_error=e&error=host%27s");
  EXPECT_EQ(got.error, "host's");
  ASSERT_EQ(got.targets.size(), 2u);
  EXPECT_EQ(got.targets[0], (TargetReport{"/a", "m", "", HostState::waiting, ""}));
  EXPECT_EQ(got.targets[1], (TargetReport{"/b", "", "s", HostState::done, "e"}));
  for (const char* early : {"model=m", "serial=s", "target_state=done", "target_error=e"}) {
    EXPECT_THAT(error_of(std::string("state=done&") + early + "&target=/a"),
                HasSubstr("has no target before it"));
  }
  EXPECT_THAT(error_of("state=done&target=/a&target_state=x"), HasSubstr("target_state 'x'"));
}

TEST(HostReport, HasALimitOfTargets) {
  std::string query = "state=done";
  for (std::size_t i = 0; i < max_host_targets; ++i) query += "&target=/dev/sda";
  EXPECT_EQ(parsed(query).targets.size(), max_host_targets);
  EXPECT_EQ(error_of(query + "&target=x"), "more than 16 targets of one host");
}

TEST(HostReport, WhatIsTooMuchForOneQueryIsLeftOutTargetByTarget) {
  HostReport report = full_report();
  report.targets.assign(100, {std::string(256, 'p'), "m", "s", HostState::done, "<" + std::string(255, '%')});
  const std::string query = encoded(report);
  EXPECT_LE(query.size(), max_report_bytes + 100);
  const HostReport got = parsed(query);
  ASSERT_GT(got.targets.size(), 5u);
  for (const TargetReport& target : got.targets) EXPECT_EQ(target, report.targets[0]);
}

TEST(HostReport, AMapIsBase64UrlOfAtMost64Bytes) {
  EXPECT_THAT(parsed("state=done&map=AP8").map, ElementsAre(0, 255));
  EXPECT_NE(error_of("state=done&map=%2B%2F"), "");
  EXPECT_NE(error_of("state=done&map=A"), "");
  HostReport report;
  report.map.assign(100, 9);
  EXPECT_EQ(parsed(encoded(report)).map, std::vector<std::uint8_t>(64, 9));
  EXPECT_NE(error_of("state=done&map=" + std::string(87, 'A')), "");
}

TEST(HostReport, OfARepeatedParameterTheFirstCounts) {
  EXPECT_EQ(parsed("state=done&state=failed&pieces=2&pieces=x").state, HostState::done);
}

TEST(HostReport, EveryTruncationIsAnswered) {
  const std::string query = encoded(full_report());
  for (std::size_t length = 0; length < query.size(); ++length) {
    const auto result = parse_host_report(query.substr(0, length));
    EXPECT_TRUE(result || !result.error().message.empty()) << length;
  }
}

Bitfield pieces(std::uint32_t count, std::initializer_list<std::uint32_t> had) {
  Bitfield field(count);
  for (const std::uint32_t piece : had) field.set(PieceIndex(piece));
  return field;
}

TEST(CoarseMap, HasAByteAPieceUpTo64) {
  EXPECT_THAT(coarse_map(Bitfield{}), ElementsAre());
  EXPECT_THAT(coarse_map(pieces(3, {0, 2})), ElementsAre(255, 0, 255));
  EXPECT_EQ(coarse_map(Bitfield(64)).size(), 64u);
  EXPECT_EQ(coarse_map(Bitfield(65)).size(), 64u);
}

TEST(CoarseMap, IsFullOnlyWhereEverythingIsThere) {
  Bitfield field(64 * 1000);
  for (std::uint32_t i = 0; i < 999; ++i) field.set(PieceIndex(i));
  field.set(PieceIndex(1000));
  EXPECT_EQ(coarse_map(field)[0], 254);
  EXPECT_EQ(coarse_map(field)[1], 1);
  EXPECT_EQ(coarse_map(field)[2], 0);
  field.set_all();
  EXPECT_EQ(coarse_map(field), std::vector<std::uint8_t>(64, 255));
}

TEST(CoarseMap, CountsEveryPieceOnce) {
  for (const std::uint32_t count : {65u, 100u, 127u, 129u, 1000u}) {
    for (std::uint32_t piece = 0; piece < count; ++piece) {
      const auto map = coarse_map(pieces(count, {piece}));
      EXPECT_EQ(std::ranges::count_if(map, [](std::uint8_t share) { return share > 0; }), 1) << count;
    }
  }
}

}  // namespace
}  // namespace ezio
