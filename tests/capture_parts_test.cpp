// What capture is told by partclone and LVM, and how it puts extents together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/torrent/part_use.hpp"
#include "tools/torrent/size_text.hpp"
#include "tools/torrent/used_blocks.hpp"
#include "tools/torrent/volumes.hpp"

namespace ezio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view domain_log =
    "# Domain logfile created by partclone\n"
    "# current_pos  current_status\n"
    "0x00010000     ?\n"
    "#      pos        size  status\n"
    "0x00000000  0x00002000  +\n"
    "0x00002000  0x00004000  ?\n"
    "0x00006000  0x0000A000  +\n";

TEST(DomainLog, HasTheUsedBlocks) {
  const auto extents = parse_domain_log(domain_log, 0x10000);
  ASSERT_TRUE(extents) << extents.error().message;
  EXPECT_THAT(*extents, ElementsAre(Extent{0, 0x2000}, Extent{0x6000, 0xa000}));
}

TEST(DomainLog, OfAnotherSizeOrShapeIsRefused) {
  EXPECT_FALSE(parse_domain_log(domain_log, 0xffff)) << "beyond the partition";
  for (const std::string_view line :
       {"0x1 0x1", "0x1 0x1 -", "1 1 +", "0x1 0xg +", "0xffffffffffffffff 0x2 +", "0x8 0x8 +\n0x8 0x8 +"}) {
    EXPECT_FALSE(parse_domain_log("0x0 ?\n" + std::string(line) + "\n", 0x10000)) << line;
  }
}

TEST(DomainLog, ThatWasCutOrHasNothingUsedIsRefused) {
  for (std::size_t length = 0; length < domain_log.find("0x00000000"); ++length) {
    EXPECT_FALSE(parse_domain_log(domain_log.substr(0, length), 0x10000)) << length;
  }
  EXPECT_FALSE(parse_domain_log("0x0 ?\n0x0 0x1000 ?\n", 0x1000));
}

std::string report(const std::string& rows) {
  return R"({"report": [{"pvseg": [)" + rows + "]}]}";
}

std::string row(int begin, int count, const std::string& volume, int segments, const std::string& type,
                int volumes = 1) {
  return R"({"vg_name":"vg","vg_extent_size":"4096","pv_count":")" + std::to_string(volumes) +
         R"(","pe_start":"1000","pv_pe_count":"10","pvseg_start":")" + std::to_string(begin) +
         R"(","pvseg_size":")" + std::to_string(count) + R"(","lv_name":")" + volume + R"(","seg_count":")" +
         std::to_string(segments) + R"(","segtype":")" + type + "\"}";
}

TEST(VolumeReport, TellsWhereLogicalVolumesLie) {
  const auto volume =
      parse_volume_report(report(row(4, 2, "home", 2, "linear") + "," + row(0, 3, "root", 1, "linear") + "," +
                                 row(3, 1, "", 0, "free") + "," + row(6, 1, "thin", 1, "thin-pool")),
                          100'000);
  ASSERT_TRUE(volume) << volume.error().message;
  EXPECT_EQ(volume->data_begin, 1000);
  EXPECT_EQ(volume->data_end, 1000 + 10 * 4096);
  ASSERT_EQ(volume->segments.size(), 3);
  EXPECT_EQ(volume->segments[0].volume, "vg/root");
  EXPECT_EQ(volume->segments[0].place, (Extent{1000, 3 * 4096}));
  EXPECT_TRUE(volume->segments[0].whole);
  EXPECT_FALSE(volume->segments[1].whole) << "one of two segments is not the volume";
  EXPECT_FALSE(volume->segments[2].whole) << "a thin pool is no run of a volume's bytes";
}

TEST(VolumeReport, OfAGroupOnSeveralDisksIsRefused) {
  const auto volume = parse_volume_report(report(row(0, 3, "root", 1, "linear", 2)), 100'000);
  ASSERT_FALSE(volume);
  EXPECT_THAT(volume.error().message, HasSubstr("2 physical volumes"));
}

TEST(VolumeReport, ThatIsNoneOrReachesBeyondThePartitionIsRefused) {
  EXPECT_FALSE(parse_volume_report(report(row(0, 3, "root", 1, "linear")), 40'000));
  EXPECT_FALSE(parse_volume_report(report(row(9, 30, "root", 1, "linear")), 100'000));
  EXPECT_FALSE(parse_volume_report(report(row(0, 0, "root", 1, "linear")), 100'000));
  for (const std::string text : {"", "{", "[]", R"({"report": []})", R"({"report": [{"pvseg": [{}]}]})"}) {
    EXPECT_FALSE(parse_volume_report(text, 100'000)) << text;
  }
}

TEST(JoinedExtents, AreDisjointAndAscending) {
  EXPECT_THAT(joined({{50, 10}, {0, 10}, {10, 5}, {12, 20}, {14, 2}, {40, 10}}),
              ElementsAre(Extent{0, 32}, Extent{40, 20}));
}

TEST(SizeText, HasThreeDigits) {
  EXPECT_EQ(size_text(999), "999 bytes");
  EXPECT_EQ(size_text(1000), "1.00 KB");
  EXPECT_EQ(size_text(9'996'000), "10.0 MB");
  EXPECT_EQ(size_text(999'600'000), "1.00 GB");
  EXPECT_EQ(size_text(500'107'862'016), "500 GB");
}

}  // namespace
}  // namespace ezio
