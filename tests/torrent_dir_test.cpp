#include "tracker/torrent_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "torrent_dir_fixture.hpp"

namespace ezio::tracker {
namespace {

using test::info_hash_of;
using test::make_torrent;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Pair;

class TorrentDirectory : public test::TorrentDirTest {
 protected:
  std::vector<std::string> reports;
  TorrentDir dir{path.string(), [this](const std::string& line) { reports.push_back(line); }};
};

TEST_F(TorrentDirectory, KnowsTheInfoHashOfEveryTorrent) {
  write("a.torrent", make_torrent("a"));
  write("b.torrent", make_torrent("b"));
  EXPECT_TRUE(dir.scan().value());
  EXPECT_THAT(dir.torrents(), ElementsAre(Pair("a.torrent", info_hash_of(make_torrent("a"))),
                                          Pair("b.torrent", info_hash_of(make_torrent("b")))));
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(TorrentDirectory, BadTorrentsAreReportedOnceAndLeftOut) {
  write("bad.torrent", "not bencode");
  write("cut.torrent", make_torrent("cut").substr(0, 50));
  write("empty.torrent", "");
  write("good.torrent", make_torrent("good"));
  EXPECT_TRUE(dir.scan().value());
  EXPECT_FALSE(dir.scan().value());
  EXPECT_THAT(dir.torrents(), ElementsAre(Key("good.torrent")));
  EXPECT_THAT(reports, testing::UnorderedElementsAre(HasSubstr("bad.torrent"), HasSubstr("cut.torrent"),
                                                     HasSubstr("empty.torrent")));
}

TEST_F(TorrentDirectory, OtherNamesAreIgnored) {
  for (const char* name : {"a.txt", ".hidden.torrent", "torrent", ".torrent", "a.torrent.part"})
    write(name, "x");
  EXPECT_FALSE(dir.scan().value());
  EXPECT_THAT(reports, IsEmpty());
}

TEST_F(TorrentDirectory, WhatIsNoRegularFileIsReportedAndNotFollowed) {
  const auto outside = path / "outside";
  std::filesystem::create_directory(outside);
  write("outside/real", make_torrent("secret"));
  std::filesystem::create_symlink(outside / "real", path / "link.torrent");
  std::filesystem::create_directory(path / "dir.torrent");
  ASSERT_EQ(::mkfifo((path / "fifo.torrent").c_str(), 0600), 0);
  EXPECT_FALSE(dir.scan().value());
  EXPECT_THAT(reports, testing::UnorderedElementsAre(HasSubstr("symbolic link"), HasSubstr("dir.torrent"),
                                                     HasSubstr("fifo.torrent")));
}

TEST_F(TorrentDirectory, ChangesAreNoticed) {
  write("a.torrent", make_torrent("a"));
  write("b.torrent", "not yet whole");
  ASSERT_TRUE(dir.scan());
  write("a.torrent", make_torrent("A"));
  EXPECT_TRUE(dir.scan().value());
  EXPECT_EQ(dir.torrents().at("a.torrent"), info_hash_of(make_torrent("A")));
  write("b.torrent", make_torrent("b"));
  EXPECT_TRUE(dir.scan().value());
  std::filesystem::remove(path / "a.torrent");
  EXPECT_TRUE(dir.scan().value());
  EXPECT_THAT(dir.torrents(), ElementsAre(Key("b.torrent")));
}

TEST_F(TorrentDirectory, ADirectoryThatCannotBeReadIsAnErrorAndTheListStays) {
  write("a.torrent", make_torrent("a"));
  ASSERT_TRUE(dir.scan());
  std::filesystem::remove_all(path);
  const auto scanned = dir.scan();
  ASSERT_FALSE(scanned);
  EXPECT_THAT(scanned.error().message, HasSubstr("No such file"));
  EXPECT_EQ(scanned.error().code, ENOENT);
  EXPECT_THAT(dir.torrents(), ElementsAre(Key("a.torrent")));
}

TEST_F(TorrentDirectory, AFileIsNoDirectory) {
  write("plain", "");
  TorrentDir file((path / "plain").string(), [](const std::string&) {});
  ASSERT_FALSE(file.scan());
  EXPECT_THAT(file.scan().error().message, HasSubstr("Not a directory"));
}

TEST_F(TorrentDirectory, OnlyNamesOfTheListAreOpened) {
  write("a.torrent", make_torrent("a"));
  write("bad.torrent", "x");
  ASSERT_TRUE(dir.scan());
  EXPECT_TRUE(dir.open("a.torrent"));
  for (const std::string name : {"bad.torrent", "", ".", "..", "../a.torrent", "./a.torrent", "/etc/passwd",
                                 "a.torrent/", "A.torrent"}) {
    EXPECT_FALSE(dir.open(name)) << name;
  }
}

TEST_F(TorrentDirectory, ATorrentThatBecameALinkIsNotOpened) {
  write("a.torrent", make_torrent("a"));
  ASSERT_TRUE(dir.scan());
  std::filesystem::remove(path / "a.torrent");
  EXPECT_FALSE(dir.open("a.torrent"));
  std::filesystem::create_symlink("/etc/passwd", path / "a.torrent");
  EXPECT_FALSE(dir.open("a.torrent"));
}

}  // namespace
}  // namespace ezio::tracker
