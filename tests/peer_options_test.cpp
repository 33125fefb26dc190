#include "tools/peer/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "bt/base/hex.hpp"

namespace ezio {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <class... Words>
std::variant<PeerOptions, EarlyExit> parse(Words... words) {
  const char* argv[] = {"ezio-peer", words...};
  return parse_peer_options(static_cast<int>(std::size(argv)), argv);
}

template <class... Words>
PeerOptions options(Words... words) {
  auto parsed = parse(words...);
  EXPECT_TRUE(std::holds_alternative<PeerOptions>(parsed));
  return std::get<PeerOptions>(parsed);
}

template <class... Words>
int early_exit(Words... words) {
  auto parsed = parse(words...);
  EXPECT_TRUE(std::holds_alternative<EarlyExit>(parsed));
  return std::get<EarlyExit>(parsed).code;
}

TEST(PeerOptions, TakeSeveralPairsOfEitherKind) {
  const PeerOptions o = options("--leech", "a.torrent", "/dev/a", "b.torrent", "/dev/b", "--seed", "c", "d");
  ASSERT_EQ(o.pairs.size(), 3u);
  EXPECT_TRUE(o.pairs[0].seeding);
  EXPECT_EQ(o.pairs[0].torrent, "c");
  EXPECT_EQ(o.pairs[2].torrent, "b.torrent");
  EXPECT_EQ(o.pairs[2].path, "/dev/b");
  EXPECT_FALSE(o.pairs[2].seeding);
}

TEST(PeerOptions, AnOddWordOrNoPairIsAUsageError) {
  EXPECT_EQ(early_exit("--leech", "a.torrent", "/dev/a", "b.torrent"), 2);
  EXPECT_EQ(early_exit("--leech", "a.torrent"), 2);
  EXPECT_EQ(early_exit("--quiet"), 2);
  EXPECT_EQ(early_exit(), 2);
}

TEST(PeerOptions, UnknownFlagsAndBadValuesAreUsageErrors) {
  EXPECT_EQ(early_exit("--leech", "a", "b", "--frobnicate"), 2);
  EXPECT_EQ(early_exit("--leech", "a", "b", "--memory", "lots"), 2);
  EXPECT_EQ(early_exit("--leech", "a", "b", "--memory", "0"), 2);
  EXPECT_EQ(early_exit("--leech", "a", "b", "--linger", "soon"), 2);
  EXPECT_EQ(early_exit("--leech", "a", "b", "--linger", "-1"), 2);
  EXPECT_EQ(early_exit("--leech", "a", "b", "--stall-timeout", "-5"), 2);
  EXPECT_EQ(early_exit("--leech", "a", "b", "--json", "--quiet"), 2);
}

TEST(PeerOptions, LimitsAreInMegabytesASecond) {
  const PeerOptions o = options("--leech", "a", "b", "--upload-limit", "12.5", "--download-limit", "100");
  EXPECT_EQ(o.upload_limit, 12.5);
  EXPECT_EQ(o.download_limit, 100);
  EXPECT_FALSE(options("--leech", "a", "b").upload_limit.has_value());
  EXPECT_EQ(early_exit("--leech", "a", "b", "--upload-limit", "0"), 2);
  EXPECT_EQ(early_exit("--leech", "a", "b", "--download-limit", "-3"), 2);
  EXPECT_EQ(early_exit("--leech", "a", "b", "--download-limit", "fast"), 2);
}

TEST(PeerOptions, PinsBelongToTheTorrentsInTheirOrder) {
  const std::string one(40, '1');
  const std::string two(40, 'a');
  const PeerOptions o = options("--leech", "a", "x", "b", "y", "a", "z", "--info-hash", one.c_str(),
                                "--info-hash", two.c_str());
  ASSERT_EQ(o.pairs.size(), 3u);
  EXPECT_EQ(to_hex(*o.pairs[0].pin), one);
  EXPECT_EQ(to_hex(*o.pairs[1].pin), two);
  EXPECT_EQ(to_hex(*o.pairs[2].pin), one) << "the same torrent for another target";
  EXPECT_FALSE(options("--leech", "a", "b").pairs[0].pin.has_value());
}

TEST(PeerOptions, PinsThatAreNoHashesOrNotOneForEachTorrentAreUsageErrors) {
  const std::string pin(40, '1');
  EXPECT_EQ(early_exit("--leech", "a", "x", "--info-hash", "123"), 2);
  EXPECT_EQ(early_exit("--leech", "a", "x", "b", "y", "--info-hash", pin.c_str()), 2);
  EXPECT_EQ(early_exit("--leech", "a", "x", "--info-hash", pin.c_str(), "--info-hash", pin.c_str()), 2);
}

TEST(PeerOptions, TheWaitIsForEverUnlessBounded) {
  EXPECT_FALSE(options("--leech", "a", "b").wait_s.has_value());
  EXPECT_EQ(options("--leech", "a", "b", "--wait", "0").wait_s, 0u);
  EXPECT_EQ(early_exit("--leech", "a", "b", "--wait", "-1"), 2);
}

TEST(PeerOptions, NothingIsDiscardedOrOnlyTriedUnlessThatIsSaid) {
  EXPECT_FALSE(options("--leech", "a", "b").discard_unused);
  EXPECT_FALSE(options("--leech", "a", "b").dry_run);
  EXPECT_TRUE(options("--leech", "a", "b", "--discard-unused").discard_unused);
  EXPECT_TRUE(options("--leech", "a", "b", "--dry-run").dry_run);
}

TEST(PeerOptions, LastWorksAreAskedFor) {
  EXPECT_FALSE(options("--leech", "a", "b").grow);
  EXPECT_THAT(options("--leech", "a", "b").on_complete, IsEmpty());
  const PeerOptions o = options("--leech", "a", "b", "--grow", "--on-complete", "/x/fix 'two words' 3");
  EXPECT_TRUE(o.grow);
  EXPECT_THAT(o.on_complete, ElementsAre("/x/fix", "two words", "3"));
}

TEST(PeerOptions, HelpIsNoError) {
  EXPECT_EQ(early_exit("--help"), 0);
}

TEST(PeerOptions, LingerTakesItsThreeForms) {
  EXPECT_EQ(options("--leech", "a", "b", "--linger", "auto").linger->mode, Linger::Mode::automatic);
  EXPECT_EQ(options("--leech", "a", "b", "--linger", "forever").linger->mode, Linger::Mode::forever);
  const PeerOptions o = options("--leech", "a", "b", "--linger", "90");
  EXPECT_EQ(o.linger->mode, Linger::Mode::seconds);
  EXPECT_EQ(o.linger->time, std::chrono::seconds(90));
  EXPECT_FALSE(options("--leech", "a", "b").linger.has_value());
}

TEST(PeerOptions, PeersAndTrackersRepeatAndLeavePairsAlone) {
  const PeerOptions o =
      options("--peer", "h1:1", "--peer", "h2:2", "--tracker", "http://t/a", "--leech", "a", "b");
  EXPECT_THAT(o.peers, ElementsAre("h1:1", "h2:2"));
  EXPECT_THAT(o.trackers, ElementsAre("http://t/a"));
  EXPECT_EQ(o.pairs.size(), 1u);
}

TEST(PeerConfig, BecomesArguments) {
  auto arguments = config_arguments(
      "# two clones\n\nTORRENT=a.torrent\nTARGET=/dev/sda1\n TORRENT = \"b c.torrent\" \nSOURCE='/srv/x'\n"
      "STALL_TIMEOUT=60\nmemory=512\nJSON=true\n",
      "ezio.conf");
  ASSERT_TRUE(arguments);
  EXPECT_THAT(*arguments, ElementsAre("--leech", "a.torrent", "/dev/sda1", "--seed", "b c.torrent", "/srv/x",
                                      "--stall-timeout=60", "--memory=512", "--json=true"));
}

TEST(PeerConfig, ErrorsNameTheFileAndLine) {
  const auto fault = [](const std::string& text) {
    return config_arguments(text, "ezio.conf").error().message;
  };
  EXPECT_THAT(fault("MEMORY=1\nnonsense\n"), HasSubstr("ezio.conf:2: 'nonsense'"));
  EXPECT_THAT(fault("TARGET=/dev/sda1\n"), HasSubstr("ezio.conf:1:"));
  EXPECT_THAT(fault("TORRENT=a\nTORRENT=b\n"), HasSubstr("ezio.conf:2:"));
  EXPECT_THAT(fault("TORRENT=a\n"), HasSubstr("TORRENT=a has no TARGET= or SOURCE="));
  EXPECT_THAT(fault("CONFIG=other\n"), HasSubstr("cannot name another"));
  EXPECT_THAT(fault("=x\n"), HasSubstr("KEY=value"));
}

class PeerConfigFile : public ::testing::Test {
 protected:
  void SetUp() override { path_ = ::testing::TempDir() + "ezio_peer_options_test.conf"; }
  void TearDown() override { std::remove(path_.c_str()); }
  void write(const std::string& text) { std::ofstream(path_) << text; }
  std::string path_;
};

TEST_F(PeerConfigFile, IsReadAndTheCommandLineGoesOverIt) {
  write("TORRENT=a.torrent\nTARGET=/dev/sda1\nMEMORY=512\nLINGER=5\nQUIET=1\n");
  const PeerOptions o = options("--config", path_.c_str(), "--memory", "64");
  ASSERT_EQ(o.pairs.size(), 1u);
  EXPECT_EQ(o.pairs[0].path, "/dev/sda1");
  EXPECT_EQ(o.memory_mib, 64u);
  EXPECT_EQ(o.linger->mode, Linger::Mode::seconds);
  EXPECT_TRUE(o.quiet);
}

TEST_F(PeerConfigFile, NamesLastWorks) {
  write("TORRENT=a.torrent\nTARGET=/dev/sda\nGROW=true\nON_COMPLETE=\"/bin/fix 'my name' 2\"\n");
  const PeerOptions o = options("--config", path_.c_str());
  EXPECT_TRUE(o.grow);
  EXPECT_THAT(o.on_complete, ElementsAre("/bin/fix", "my name", "2"));
}

TEST_F(PeerConfigFile, MissingOrWrongIsAUsageError) {
  EXPECT_EQ(early_exit("--config", "/nonexistent/ezio.conf"), 2);
  write("TORRENT=a.torrent\nTARGET=/dev/sda1\nNO_SUCH_FLAG=1\n");
  EXPECT_EQ(early_exit("--config", path_.c_str()), 2);
}

}  // namespace
}  // namespace ezio
