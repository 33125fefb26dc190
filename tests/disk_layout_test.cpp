// What a torrent says about the disk that it is of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bt/metainfo/metainfo.hpp"
#include "bt/sha1/sha1.hpp"

namespace ezio {
namespace {

using testing::HasSubstr;

TorrentSpec disk_spec() {
  TorrentSpec spec;
  spec.name = "lab";
  spec.piece_length = 16 * KiB;
  spec.extents = {{0, 512}};
  spec.piece_hashes = {sha1(as_bytes("a"))};
  spec.target_size = 1 << 20;
  spec.disk = DiskLayout{
      4096, "gpt", {{1, 1 << 16, 1 << 18, 1 << 12, "vfat", "EFI system"}, {2, 1 << 19, 1, 0, "", ""}}};
  return spec;
}

Result<Metainfo> parsed_with(const std::string& layout) {
  const TorrentSpec spec = disk_spec();
  std::string torrent = *build_metainfo(spec);
  std::string own;
  append_disk_layout(own, *spec.disk);
  torrent.replace(torrent.find(own), own.size(), layout);
  return parse_metainfo(as_bytes(torrent), "x.torrent");
}

TEST(DiskLayoutOfATorrent, ComesBackAsItWas) {
  const TorrentSpec spec = disk_spec();
  const auto built = build_metainfo(spec);
  ASSERT_TRUE(built) << built.error().message;
  const auto metainfo = parse_metainfo(as_bytes(*built), "x.torrent");
  ASSERT_TRUE(metainfo) << metainfo.error().message;
  EXPECT_EQ(metainfo->disk, spec.disk);
}

TEST(DiskLayoutOfATorrent, IsPartOfTheInfoHash) {
  TorrentSpec other = disk_spec();
  other.disk->sector_bytes = 512;
  const auto a = parse_metainfo(as_bytes(*build_metainfo(disk_spec())), "a");
  const auto b = parse_metainfo(as_bytes(*build_metainfo(other)), "b");
  EXPECT_NE(a->info_hash, b->info_hash);
}

TEST(DiskLayoutOfATorrent, WithWrongValuesIsRefusedWithTheFieldsName) {
  const auto error_of = [](const auto& change) {
    DiskLayout layout = *disk_spec().disk;
    change(layout);
    std::string text;
    append_disk_layout(text, layout);
    const auto metainfo = parsed_with(text);
    return metainfo ? "accepted" : metainfo.error().message;
  };
  EXPECT_EQ(error_of([](DiskLayout&) {}), "accepted");
  EXPECT_THAT(error_of([](DiskLayout& layout) { layout.sector_bytes = 77; }),
              HasSubstr("disk layout.sector size: 77"));
  EXPECT_THAT(error_of([](DiskLayout& layout) { layout.sector_bytes = 1 << 20; }), HasSubstr("sector size"));
  EXPECT_THAT(error_of([](DiskLayout& layout) { layout.partitions[0].length = 0; }),
              HasSubstr("disk layout.length"));
  EXPECT_THAT(error_of([](DiskLayout& layout) { layout.partitions[0].length = max_device_bytes - 1; }),
              HasSubstr("disk layout.length"));
  EXPECT_THAT(error_of([](DiskLayout& layout) { layout.partitions[0].used = 1 << 19; }),
              HasSubstr("disk layout.used"));
  EXPECT_THAT(error_of([](DiskLayout& layout) { layout.partitions[0].number = 4000; }),
              HasSubstr("disk layout.number"));
  EXPECT_THAT(error_of([](DiskLayout& layout) { layout.partitions.resize(1025, layout.partitions[0]); }),
              HasSubstr("more than 1024"));
}

TEST(DiskLayoutOfATorrent, ThatIsNoneIsRefused) {
  for (const std::string text :
       {"i1e", "le", "de", "3:abc", "d10:partitionsi1e11:sector sizei512e5:table3:gpte",
        "d10:partitionsli1ee11:sector sizei512e5:table3:gpte",
        "d10:partitionsle11:sector sizei-512e5:table3:gpte",
        "d10:partitionsle11:sector sizei512e5:tablei1ee"}) {
    const auto metainfo = parsed_with(text);
    ASSERT_FALSE(metainfo) << text;
    EXPECT_THAT(metainfo.error().message, HasSubstr("info.disk layout")) << text;
  }
  EXPECT_TRUE(parsed_with("d10:partitionsle11:sector sizei512e5:table3:gpte"));
}

}  // namespace
}  // namespace ezio
