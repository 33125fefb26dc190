// Building torrents: what is built parses back, byte for byte as expected, and broken specs are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "bt/metainfo/metainfo.hpp"
#include "bt/sha1/sha1.hpp"

namespace ezio {
namespace {

using testing::HasSubstr;

TorrentSpec good_spec() {
  TorrentSpec spec;
  spec.name = "sda1";
  spec.piece_length = 16 * KiB;
  spec.extents = {{0x10000, 16384}, {0, 512}};
  spec.piece_hashes = {sha1(as_bytes("a")), sha1(as_bytes("b"))};
  spec.target_size = 1 << 20;
  spec.trackers = {"http://a/announce", "http://b/announce"};
  return spec;
}

TEST(MetainfoBuild, ParsesBackToWhatItWasBuiltFrom) {
  const TorrentSpec spec = good_spec();
  const auto built = build_metainfo(spec);
  ASSERT_TRUE(built) << built.error().message;
  const auto metainfo = parse_metainfo(as_bytes(*built), "x.torrent");
  ASSERT_TRUE(metainfo) << metainfo.error().message;
  EXPECT_EQ(metainfo->name, spec.name);
  EXPECT_EQ(metainfo->piece_length, spec.piece_length);
  EXPECT_EQ(metainfo->extents, spec.extents);
  EXPECT_EQ(metainfo->piece_hashes, spec.piece_hashes);
  EXPECT_EQ(metainfo->target_size, spec.target_size);
  EXPECT_EQ(metainfo->trackers, spec.trackers);
  EXPECT_TRUE(metainfo->is_private);
}

TEST(MetainfoBuild, WritesTheBytesThatOtherProgramsWrite) {
  TorrentSpec spec = good_spec();
  spec.is_private = false;
  spec.trackers = {"http://a/"};
  spec.piece_hashes = {Sha1Digest{}, Sha1Digest{}};
  const std::string expected =
      "d8:announce9:http://a/4:infod5:filesld6:lengthi16384e4:pathl32:00000000000000000000000000010000ee"
      "d6:lengthi512e4:pathl32:00000000000000000000000000000000eee4:name4:sda112:piece "
      "lengthi16384e6:pieces40:" +
      std::string(40, '\0') + "e11:target sizei1048576ee";
  EXPECT_EQ(*build_metainfo(spec), expected);
}

TEST(MetainfoBuild, ANameWithSlashesBecomesFolders) {
  TorrentSpec spec = good_spec();
  spec.name = "vg/pool/lv";
  const auto built = build_metainfo(spec);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_THAT(*built, HasSubstr("4:pathl4:pool2:lv32:00000000000000000000000000010000ee"));
  EXPECT_THAT(*built, HasSubstr("4:name2:vg12:piece length"));
  const auto metainfo = parse_metainfo(as_bytes(*built), "x.torrent");
  ASSERT_TRUE(metainfo) << metainfo.error().message;
  EXPECT_EQ(metainfo->name, "vg/pool/lv");
}

TEST(MetainfoBuild, RefusesWhatParseWouldRefuse) {
  const auto error_of_spec = [](const auto& change) {
    TorrentSpec spec = good_spec();
    change(spec);
    const auto built = build_metainfo(spec);
    return built ? "accepted" : built.error().message;
  };
  EXPECT_THAT(error_of_spec([](TorrentSpec& spec) { spec.name = "../x"; }), HasSubstr("name: '../x'"));
  for (const std::string name : {"", "/vg", "vg/", "vg//lv", "vg/.", "vg/../lv", "vg/.."})
    EXPECT_THAT(error_of_spec([&](TorrentSpec& spec) { spec.name = name; }),
                HasSubstr("name: '" + name + "' "));
  EXPECT_THAT(error_of_spec([](TorrentSpec& spec) { spec.name = std::string(254, 'n') + "/a"; }),
              HasSubstr("is longer than 255 bytes"));
  EXPECT_THAT(error_of_spec([](TorrentSpec& spec) { spec.piece_length = 1000; }),
              HasSubstr("piece length: 1000"));
  EXPECT_THAT(error_of_spec([](TorrentSpec& spec) { spec.extents.clear(); }), HasSubstr("no extents"));
  EXPECT_THAT(error_of_spec([](TorrentSpec& spec) { spec.extents[1].offset = 0x10001; }),
              HasSubstr("overlaps"));
  EXPECT_THAT(error_of_spec([](TorrentSpec& spec) { spec.extents[1].length = 0; }), HasSubstr("length is 0"));
  EXPECT_THAT(error_of_spec([](TorrentSpec& spec) { spec.piece_hashes.pop_back(); }),
              HasSubstr("1 piece hashes"));
  EXPECT_THAT(error_of_spec([](TorrentSpec& spec) { spec.target_size = 0x13fff; }),
              HasSubstr("target size: 81919"));
  EXPECT_THAT(error_of_spec([](TorrentSpec& spec) { spec.target_size = max_device_bytes; }),
              HasSubstr("target size"));
  EXPECT_THAT(error_of_spec([](TorrentSpec& spec) { spec.trackers.resize(max_trackers + 1); }),
              HasSubstr("trackers"));
}

}  // namespace
}  // namespace ezio
