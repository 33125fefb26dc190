// Torrents: what is accepted, and what each refusal says.
#include "bt/metainfo/metainfo.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "bt/base/hex.hpp"
#include "bt/metainfo/bencode.hpp"
#include "bt/sha1/sha1.hpp"

namespace ezio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string text(std::string_view value) {
  std::string out;
  bencode::append_string(out, value);
  return out;
}

std::string dict(const std::map<std::string, std::string>& values) {
  std::string out = "d";
  for (const auto& [key, value] : values) out += text(key) + value;
  return out + "e";
}

std::string file_in(const std::vector<std::string>& folders, std::string_view name, std::string_view length) {
  std::string path;
  for (const std::string& folder : folders) path += text(folder);
  return dict({{"length", fmt::format("i{}e", length)}, {"path", "l" + path + text(name) + "e"}});
}

std::string file(std::string_view name, std::string_view length) {
  return dict({{"length", fmt::format("i{}e", length)}, {"path", "l" + text(name) + "e"}});
}

// A good torrent whose parts the tests replace (or leave out, with an empty value) before it is encoded.
struct Torrent {
  std::map<std::string, std::string> info{{"files", "l" + file("1000", "4096") + file("0", "100") + "e"},
                                          {"name", text("sda1")},
                                          {"piece length", "i16384e"},
                                          {"pieces", text(std::string(20, 'h'))}};
  std::map<std::string, std::string> root;

  std::string encoded() const {
    std::map<std::string, std::string> all = root;
    all.try_emplace("info", dict(present(info)));
    return dict(present(all));
  }

 private:
  static std::map<std::string, std::string> present(std::map<std::string, std::string> values) {
    std::erase_if(values, [](const auto& pair) { return pair.second.empty(); });
    return values;
  }
};

Result<Metainfo> parse(const std::string& encoded) {
  return parse_metainfo(as_bytes(encoded), "x.torrent");
}

std::string error_of(const std::string& encoded) {
  const Result<Metainfo> metainfo = parse(encoded);
  return metainfo ? "accepted" : metainfo.error().message;
}

std::string error_with(const std::string& info_key, const std::string& value) {
  Torrent torrent;
  torrent.info[info_key] = value;
  return error_of(torrent.encoded());
}

std::string error_with_files(const std::string& files) {
  return error_with("files", "l" + files + "e");
}

TEST(Metainfo, ReadsExtentsInTorrentOrder) {
  const auto metainfo = parse(Torrent().encoded());
  ASSERT_TRUE(metainfo) << metainfo.error().message;
  EXPECT_EQ(metainfo->name, "sda1");
  EXPECT_EQ(metainfo->piece_length, 16 * KiB);
  EXPECT_EQ(metainfo->total_length, 4196U);
  EXPECT_THAT(metainfo->extents, ElementsAre(Extent{4096, 4096}, Extent{0, 100}));
  EXPECT_EQ(as_text(metainfo->piece_hashes.at(0)), std::string(20, 'h'));
  EXPECT_EQ(metainfo->target_size, 8192U) << "the extents' end where the torrent does not say";
  EXPECT_FALSE(metainfo->is_private);
  EXPECT_FALSE(metainfo->single_file);
  EXPECT_THAT(metainfo->trackers, IsEmpty());
}

TEST(Metainfo, ASingleFileIsOneExtentAtOffsetZero) {
  Torrent torrent;
  torrent.info["files"].clear();
  torrent.info["length"] = "i16384e";
  const auto metainfo = parse(torrent.encoded());
  ASSERT_TRUE(metainfo) << metainfo.error().message;
  EXPECT_TRUE(metainfo->single_file);
  EXPECT_THAT(metainfo->extents, ElementsAre(Extent{0, 16384}));
}

TEST(Metainfo, TheInfoHashIsOverTheRawBytesEvenWhenTheyAreNotCanonical) {
  const std::string info =
      "d4:name4:sda16:lengthi5e12:piece lengthi16384e6:pieces20:" + std::string(20, 'h') + "3:extle" + "e";
  const auto metainfo = parse("d4:info" + info + "e");
  ASSERT_TRUE(metainfo) << metainfo.error().message;
  EXPECT_EQ(metainfo->info_hash.bytes, sha1(as_bytes(info)));
}

TEST(Metainfo, ThePrivateFlagIsReadAndMayBeZero) {
  Torrent torrent;
  torrent.info["private"] = "i1e";
  EXPECT_TRUE(parse(torrent.encoded())->is_private);
  torrent.info["private"] = "i0e";
  EXPECT_FALSE(parse(torrent.encoded())->is_private);
  EXPECT_EQ(error_with("private", "i2e"), "x.torrent: info.private: 2 is neither 0 nor 1");
  EXPECT_EQ(error_with("private", "1:1"), "x.torrent: info.private: is a string, not an integer");
}

TEST(Metainfo, TrackersComeFromTheListOrElseFromAnnounce) {
  Torrent torrent;
  torrent.root["announce"] = text("http://a/");
  EXPECT_THAT(parse(torrent.encoded())->trackers, ElementsAre("http://a/"));
  torrent.root["announce-list"] =
      "ll" + text("http://b/") + text("http://c/") + "el" + text("http://b/") + "ee";
  EXPECT_THAT(parse(torrent.encoded())->trackers, ElementsAre("http://b/", "http://c/"));
  torrent.root["announce-list"] = "l" + std::string("le") + "l0:ee";
  EXPECT_THAT(parse(torrent.encoded())->trackers, ElementsAre("http://a/"));
}

TEST(Metainfo, RefusesTrackersOfAWrongType) {
  Torrent torrent;
  for (const auto& [key, value] : std::multimap<std::string, std::string>{{"announce", "i1e"},
                                                                          {"announce-list", "i1e"},
                                                                          {"announce-list", "li1ee"},
                                                                          {"announce-list", "lli1eee"}}) {
    torrent.root = {{key, value}};
    EXPECT_THAT(error_of(torrent.encoded()), StartsWith("x.torrent: " + key)) << value;
  }
}

TEST(Metainfo, TheTargetSizeRidesOutsideInfo) {
  Torrent torrent;
  torrent.root["target size"] = "i8193e";
  EXPECT_EQ(parse(torrent.encoded())->target_size, 8193U);
  EXPECT_EQ(parse(torrent.encoded())->info_hash, parse(Torrent().encoded())->info_hash);
}

TEST(Metainfo, RefusesExtentsThatExceedTheTargetSize) {
  Torrent torrent;
  for (const char* size : {"8191", "0", "-1"}) {
    torrent.root["target size"] = fmt::format("i{}e", size);
    EXPECT_EQ(error_of(torrent.encoded()),
              fmt::format("x.torrent: target size: {} is less than the extents' end at 8192", size));
  }
  torrent.root["target size"] = text("8192");
  EXPECT_EQ(error_of(torrent.encoded()), "x.torrent: target size: is a string, not an integer");
}

TEST(Metainfo, RefusesWhatIsNoDict) {
  EXPECT_EQ(error_of("4:spam"), "x.torrent: not a torrent: the file: is a string, not a dict");
  EXPECT_EQ(error_of("<html>"), "x.torrent: not a torrent: byte 0: not bencoded");
  EXPECT_EQ(error_of(""), "x.torrent: not a torrent: byte 0: empty");
  EXPECT_EQ(error_of("de"), "x.torrent: info: missing");
  EXPECT_EQ(error_of("d4:infolee"), "x.torrent: info: is a list, not a dict");
  EXPECT_THAT(error_of(std::string(1'000'000, 'd')), HasSubstr("key is not a string"));
  EXPECT_THAT(error_of(std::string(1'000'000, 'l')), HasSubstr("nested deeper than 64"));
}

TEST(Metainfo, RefusesEveryTruncation) {
  Torrent torrent;
  torrent.root = {{"announce", text("http://a/")}, {"target size", "i8192e"}};
  const std::string whole = torrent.encoded();
  ASSERT_EQ(error_of(whole), "accepted");
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(error_of(whole.substr(0, length)), "accepted") << length;
}

TEST(Metainfo, RefusesMissingAndWronglyTypedKeys) {
  for (const std::string key : {"name", "piece length", "pieces"}) {
    EXPECT_EQ(error_with(key, ""), "x.torrent: info." + key + ": missing");
    EXPECT_EQ(error_with(key, "le"), fmt::format("x.torrent: info.{}: is a list, not {}", key,
                                                 key == "piece length" ? "an integer" : "a string"));
  }
  EXPECT_EQ(error_with("files", ""), "x.torrent: info.files: missing, and so is info.length");
  EXPECT_EQ(error_with("files", "de"), "x.torrent: info.files: is a dict, not a list");
  EXPECT_EQ(error_with("files", "le"), "x.torrent: info.files: is empty");
  EXPECT_EQ(error_with("length", "i1e"), "x.torrent: info.length: comes beside info.files");
}

TEST(Metainfo, RefusesNamesThatAreNoPathElement) {
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                  std::string("/etc"), std::string("a\0b", 3), std::string(256, 'n')})
    EXPECT_THAT(error_with("name", text(name)), StartsWith("x.torrent: info.name: '")) << name;
  EXPECT_EQ(error_with("name", text(std::string(255, 'n'))), "accepted");
}

TEST(Metainfo, RefusesOtherPieceLengths) {
  for (const char* bytes :
       {"0", "-16384", "8192", "16383", "16385", "49152", "134217728", "4294967296", "4611686018427387904"})
    EXPECT_EQ(
        error_with("piece length", fmt::format("i{}e", bytes)),
        fmt::format("x.torrent: info.piece length: {} is not a power of two from 16 KiB to 64 MiB", bytes));
  EXPECT_EQ(error_with("piece length", "i67108864e"), "accepted");
}

TEST(Metainfo, RefusesHashesThatDoNotMatchTheLengths) {
  for (const std::size_t bytes : {1U, 19U, 21U, 39U})
    EXPECT_EQ(error_with("pieces", text(std::string(bytes, 'h'))),
              fmt::format("x.torrent: info.pieces: {} bytes are not a multiple of 20", bytes));
  for (const std::size_t count : {0U, 2U})
    EXPECT_EQ(
        error_with("pieces", text(std::string(20 * count, 'h'))),
        fmt::format("x.torrent: info.pieces: {} hashes, but 4196 bytes in pieces of 16384 need 1", count));
}

TEST(Metainfo, TakesAPieceMoreForASingleByteMore) {
  Torrent torrent;
  torrent.info["files"] = "l" + file("0", "16385") + "e";
  torrent.info["pieces"] = text(std::string(40, 'h'));
  EXPECT_EQ(error_of(torrent.encoded()), "accepted");
}

TEST(Metainfo, RefusesLengthsThatAreNoLengths) {
  for (const char* length : {"0", "-1", "-9223372036854775808"})
    EXPECT_EQ(error_with_files(file("0", "4196") + file("2000", length)),
              fmt::format("x.torrent: info.files[1].length: {} is not a length above 0", length));
  EXPECT_EQ(error_with_files("d4:pathl1:0ee"), "x.torrent: info.files[0].length: missing");
  EXPECT_EQ(error_with_files("d6:length1:14:pathl1:0ee"),
            "x.torrent: info.files[0].length: is a string, not an integer");
  EXPECT_THAT(error_with_files(file("0", "9223372036854775808")), HasSubstr("out of the 64-bit range"));
}

TEST(Metainfo, RefusesLengthsWhoseSumOrEndOverflows) {
  EXPECT_EQ(error_with_files(file("0", "9223372036854775807")),
            "x.torrent: info.pieces: 1 hashes, but 9223372036854775807 bytes in pieces of 16384 need "
            "562949953421312");
  EXPECT_EQ(
      error_with_files(file("0", "4611686018427387904") + file("1", "4611686018427387904")),
      "x.torrent: info.files[1].length: 4611686018427387904 makes the sum of the lengths exceed 2^63 bytes");
  EXPECT_EQ(error_with_files(file("7ffffffffffffffe", "2")),
            "x.torrent: info.files[0]: 2 bytes at offset 0x7ffffffffffffffe ends beyond the largest possible "
            "device "
            "(2^63 bytes)");
}

TEST(Metainfo, RefusesNamesThatAreNoHexOffset) {
  for (const char* name :
       {"-200", "10junk", "..", "", "000000000000000000000000000000000", "8000000000000000", "0x10", "sda1"})
    EXPECT_EQ(
        error_with_files(file("0", "100") + file(name, "4096")),
        fmt::format("x.torrent: info.files[1].path[0]: '{}' is not an offset: 1 to 32 hexadecimal digits, "
                    "below 2^63",
                    name));
  EXPECT_THAT(error_with_files(file("\x1b[2J", "1")), HasSubstr("'\\x1b[2J'")) << "escaped";
}

TEST(Metainfo, TakesHexNamesOfEitherCaseAndAnyLengthUpTo32) {
  EXPECT_EQ(error_with_files(file("aBc000", "4096") + file("0000000000000000000000000000f000", "100")),
            "accepted");
}

TEST(Metainfo, RefusesPathsWithoutAnOffset) {
  EXPECT_EQ(error_with_files("d6:lengthi1ee"), "x.torrent: info.files[0].path: missing");
  EXPECT_EQ(error_with_files("d6:lengthi1e4:path1:0e"),
            "x.torrent: info.files[0].path: is a string, not a list");
  EXPECT_EQ(error_with_files("d6:lengthi1e4:pathlee"),
            "x.torrent: info.files[0].path: is empty: its last element names an offset");
  EXPECT_EQ(
      error_with_files("d6:lengthi1e4:pathl1:02:lvee"),
      "x.torrent: info.files[0].path[1]: 'lv' is not an offset: 1 to 32 hexadecimal digits, below 2^63");
  EXPECT_EQ(error_with_files("d6:lengthi1e4:pathli0eee"),
            "x.torrent: info.files[0].path[0]: is an integer, not a string");
  EXPECT_EQ(error_with_files("d6:lengthi1e4:pathl1:0i0eee"),
            "x.torrent: info.files[0].path[1]: is an integer, not a string");
  EXPECT_EQ(error_with_files("i1e"), "x.torrent: info.files[0].entry: is an integer, not a dict");
}

TEST(Metainfo, FoldersBeforeTheOffsetArePartOfTheName) {
  Torrent torrent;
  torrent.info["files"] = "l" + file_in({"lv"}, "0", "100") + file_in({"lv"}, "1000", "4096") + "e";
  const std::string bytes = torrent.encoded();
  const auto metainfo = parse_metainfo(as_bytes(bytes), "x.torrent");
  ASSERT_TRUE(metainfo) << metainfo.error().message;
  EXPECT_EQ(metainfo->name, "sda1/lv");
  EXPECT_THAT(metainfo->extents, ElementsAre(Extent{0, 100}, Extent{0x1000, 4096}));
}

TEST(Metainfo, RefusesFoldersThatLeadAstray) {
  for (const std::string& folder : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                    std::string("/"), std::string("a\0b", 3), std::string(256, 'n')})
    EXPECT_THAT(error_with_files(file_in({"a", folder}, "0", "4196")),
                StartsWith("x.torrent: info.files[0].path[1]: '"))
        << folder;
  EXPECT_EQ(error_with_files(file_in({"a", "b"}, "0", "4196")), "accepted");
  EXPECT_THAT(error_with_files(file_in({std::string(200, 'a'), std::string(200, 'b')}, "0", "4196")),
              HasSubstr("is longer than 255 bytes"));
}

TEST(Metainfo, RefusesFilesOfSeveralNames) {
  EXPECT_EQ(
      error_with_files(file_in({"a"}, "0", "100") + file_in({"b"}, "1000", "4096")),
      "x.torrent: info.files[1].path: lies in 'b', but others in 'a': extents of one device have one name");
  EXPECT_THAT(error_with_files(file_in({"a"}, "0", "100") + file("1000", "4096")), HasSubstr("lies in ''"));
}

TEST(Metainfo, RefusesPaddingFilesAndLinks) {
  for (const char* attr : {"p", "l", "xp"})
    EXPECT_THAT(error_with_files(dict({{"attr", text(attr)}, {"length", "i4196e"}, {"path", "l1:0e"}})),
                StartsWith("x.torrent: info.files[0].attr: '"));
  EXPECT_EQ(error_with_files(dict({{"attr", text("x")}, {"length", "i4196e"}, {"path", "l1:0e"}})),
            "accepted");
}

TEST(Metainfo, RefusesOverlappingAndDuplicateExtents) {
  EXPECT_EQ(error_with_files(file("1000", "4096") + file("1fff", "100")),
            "x.torrent: info.files[1]: 100 bytes at offset 0x1fff overlaps 4096 bytes at offset 0x1000");
  EXPECT_THAT(error_with_files(file("1000", "4096") + file("001000", "100")), HasSubstr("overlaps"));
  EXPECT_THAT(error_with_files(file("0", "8192") + file("10", "1")), HasSubstr("overlaps"));
  EXPECT_EQ(error_with_files(file("1000", "4096") + file("2000", "100")), "accepted");
}

TEST(Metainfo, RefusesV2OnlyTorrentsAndTakesHybridsAsV1) {
  Torrent torrent;
  torrent.info["meta version"] = "i2e";
  EXPECT_EQ(error_of(torrent.encoded()), "accepted");
  torrent.info["pieces"].clear();
  EXPECT_THAT(error_of(torrent.encoded()), HasSubstr("a BitTorrent v2 torrent"));
}

}  // namespace
}  // namespace ezio
