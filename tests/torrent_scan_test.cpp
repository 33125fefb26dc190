#include "tracker/torrent_scan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "bt/metainfo/bencode.hpp"
#include "torrent_dir_fixture.hpp"
#include "tracker/torrent_shelf.hpp"

namespace ezio::tracker {
namespace {

using test::info_hash_of;
using test::make_torrent;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;

class TorrentDirectory : public test::TorrentDirTest {
 protected:
  // Looks, and returns what is served now.
  TorrentList look() {
    auto found = scan.look();
    EXPECT_TRUE(found) << (found ? "" : found.error().message);
    if (!found) return {};
    complaints.insert(complaints.end(), found->complaints.begin(), found->complaints.end());
    unfinished = found->unfinished;
    shelf.put(found->torrents);
    return *found->torrents;
  }
  static std::string content(Reply reply) {
    std::string bytes(reply.slice ? reply.slice->length : 0, '\0');
    boost::system::error_code error;
    if (reply.slice) {
      reply.slice->file.seek(reply.slice->offset, error);
      reply.slice->file.read(bytes.data(), bytes.size(), error);
    }
    return reply.body + bytes + reply.tail;
  }

  std::vector<std::string> complaints;
  bool unfinished = false;
  TorrentScan scan{path.string(), ""};
  TorrentShelf shelf{path.string()};
};

TEST_F(TorrentDirectory, KnowsTheInfoHashOfEveryTorrent) {
  write("a.torrent", make_torrent("a"));
  write("b.torrent", make_torrent("b"));
  const TorrentList torrents = look();
  ASSERT_THAT(torrents, ElementsAre(Key("a.torrent"), Key("b.torrent")));
  const ServedTorrent& a = torrents.at("a.torrent");
  EXPECT_EQ(a.info_hash, info_hash_of(make_torrent("a")));
  EXPECT_EQ(a.facts.name, "a");
  EXPECT_EQ(a.facts.file, "a.torrent");
  EXPECT_EQ(a.facts.size_bytes, 16 * KiB);
  EXPECT_EQ(a.facts.pieces, 1u);
  EXPECT_THAT(complaints, IsEmpty());
}

TEST_F(TorrentDirectory, BadTorrentsAreReportedOnceAndLeftOut) {
  write("bad.torrent", "not bencode");
  write("cut.torrent", make_torrent("cut").substr(0, 50));
  write("empty.torrent", "");
  write("good.torrent", make_torrent("good"));
  look();
  EXPECT_THAT(look(), ElementsAre(Key("good.torrent")));
  EXPECT_FALSE(unfinished);
  EXPECT_THAT(complaints, testing::UnorderedElementsAre(HasSubstr("bad.torrent"), HasSubstr("cut.torrent"),
                                                        HasSubstr("empty.torrent")));
}

TEST_F(TorrentDirectory, OtherNamesAreIgnored) {
  for (const char* name : {"a.txt", ".hidden.torrent", "torrent", ".torrent", "a.torrent.part"})
    write(name, "x");
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(complaints, IsEmpty());
}

TEST_F(TorrentDirectory, WhatIsNoRegularFileIsReportedAndNotFollowed) {
  const auto outside = path / "outside";
  std::filesystem::create_directory(outside);
  write("outside/real", make_torrent("secret"));
  std::filesystem::create_symlink(outside / "real", path / "link.torrent");
  std::filesystem::create_directory(path / "dir.torrent");
  ASSERT_EQ(::mkfifo((path / "fifo.torrent").c_str(), 0600), 0);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(complaints, testing::UnorderedElementsAre(HasSubstr("symbolic link"), HasSubstr("dir.torrent"),
                                                        HasSubstr("fifo.torrent")));
}

TEST_F(TorrentDirectory, ChangesAreNoticed) {
  write("a.torrent", make_torrent("a"));
  write("b.torrent", "not yet whole");
  look();
  write("a.torrent", make_torrent("A"));
  EXPECT_EQ(look().at("a.torrent").info_hash, info_hash_of(make_torrent("A")));
  write("b.torrent", make_torrent("b"));
  EXPECT_EQ(look().size(), 2u);
  std::filesystem::remove(path / "a.torrent");
  EXPECT_THAT(look(), ElementsAre(Key("b.torrent")));
}

TEST_F(TorrentDirectory, AFileThatIsBeingWrittenIsNotComplainedAboutYet) {
  std::ofstream(path / "a.torrent") << make_torrent("a").substr(0, 50);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_TRUE(unfinished);
  EXPECT_THAT(complaints, IsEmpty());
  std::filesystem::last_write_time(path / "a.torrent",
                                   std::filesystem::file_time_type{std::chrono::seconds(1)});
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_FALSE(unfinished);
  EXPECT_THAT(complaints, ElementsAre(HasSubstr("a.torrent")));
}

TEST_F(TorrentDirectory, ADirectoryThatCannotBeReadIsAnError) {
  std::filesystem::remove_all(path);
  const auto found = scan.look();
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("No such file"));
  EXPECT_EQ(found.error().code, ENOENT);
}

TEST_F(TorrentDirectory, AFileIsNoDirectory) {
  write("plain", "");
  TorrentScan file((path / "plain").string(), "");
  ASSERT_FALSE(file.look());
  EXPECT_THAT(file.look().error().message, HasSubstr("Not a directory"));
}

TEST_F(TorrentDirectory, OnlyNamesOfTheListAreServed) {
  write("a.torrent", make_torrent("a"));
  write("bad.torrent", "x");
  look();
  EXPECT_EQ(content(shelf.serve("a.torrent")), make_torrent("a"));
  for (const std::string name : {"bad.torrent", "", ".", "..", "../a.torrent", "./a.torrent", "/etc/passwd",
                                 "a.torrent/", "A.torrent"}) {
    EXPECT_EQ(shelf.serve(name).status, 404u) << name;
  }
}

TEST_F(TorrentDirectory, ATorrentThatBecameALinkIsNotServed) {
  write("a.torrent", make_torrent("a"));
  look();
  std::filesystem::remove(path / "a.torrent");
  EXPECT_EQ(shelf.serve("a.torrent").status, 404u);
  std::filesystem::create_symlink("/etc/passwd", path / "a.torrent");
  EXPECT_EQ(shelf.serve("a.torrent").status, 404u);
}

TEST_F(TorrentDirectory, AFileThatHasChangedIsServedOnceItWasLookedAt) {
  write("a.torrent", make_torrent("a"));
  look();
  write("a.torrent", make_torrent("A"));
  EXPECT_EQ(shelf.serve("a.torrent").status, 503u);
  look();
  EXPECT_EQ(content(shelf.serve("a.torrent")), make_torrent("A"));
}

TEST_F(TorrentDirectory, TorrentsAreServedWithTheAnnounceUrlAskedFor) {
  write("a.torrent", make_torrent("a"));
  scan = TorrentScan(path.string(), "http://192.0.2.1:6969/announce");
  look();
  const std::string served = content(shelf.serve("a.torrent"));
  const auto metainfo = parse_metainfo(as_bytes(served), "served");
  ASSERT_TRUE(metainfo) << metainfo.error().message;
  EXPECT_EQ(metainfo->info_hash, info_hash_of(make_torrent("a")));
  EXPECT_THAT(metainfo->trackers, ElementsAre("http://192.0.2.1:6969/announce"));
}

std::string rewritten(const std::string& torrent, std::string_view url = "http://u") {
  const auto parts = with_announce(as_bytes(torrent), url);
  EXPECT_TRUE(parts) << (parts ? "" : parts.error().message);
  return parts ? parts->head + torrent.substr(parts->offset, parts->length) + parts->tail : "";
}

TEST(TorrentRewrite, PutsTheAnnounceUrlWhereItBelongs) {
  EXPECT_EQ(rewritten("d8:announce3:old13:announce-listll3:oldee7:comment1:c4:infod1:a1:be8:url-listlee"),
            "d8:announce8:http://u7:comment1:c4:infod1:a1:be8:url-listlee");
  EXPECT_EQ(rewritten("d4:infodee"), "d8:announce8:http://u4:infodee");
}

TEST(TorrentRewrite, SortsKeysThatWereNotInOrder) {
  EXPECT_EQ(rewritten("d4:infode1:zi1e1:ai2ee"), "d1:ai2e8:announce8:http://u4:infode1:zi1ee");
}

TEST(TorrentRewrite, RefusesWhatIsNoTorrentOrHasTooMuchBesideIt) {
  EXPECT_FALSE(with_announce(as_bytes("x"), "u"));
  EXPECT_FALSE(with_announce(as_bytes("de"), "u"));
  EXPECT_FALSE(with_announce(as_bytes("le"), "u"));
  std::string large = "d7:comment";
  bencode::append_string(large, std::string(max_outside_info, 'c'));
  EXPECT_FALSE(with_announce(as_bytes(large + "4:infodee"), "u"));
}

}  // namespace
}  // namespace ezio::tracker
