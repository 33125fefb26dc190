// Partition tables as sfdisk makes them, and as nobody should.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <random>

#include "disk/partition_table.hpp"
#include "disk_fixture.hpp"

namespace ezio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t disk_bytes = 32 * MiB;

class PartitionTableOfADisk : public testing::Test {
 protected:
  // An image with the table that this script makes (sfdisk(8)).
  DeviceFile disk(const std::string& script) {
    const std::string path = directory_.path("disk");
    const int made =
        std::system(fmt::format("rm -f {0} && truncate -s {1} {0} && printf '{2}' | sfdisk -q {0} >/dev/null",
                                path, disk_bytes, script)
                        .c_str());
    EXPECT_EQ(made, 0);
    DeviceFile file;
    file.path = path;
    file.fd = UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    file.size = disk_bytes;
    return file;
  }
  static std::vector<Extent> places(const PartitionTable& table) {
    std::vector<Extent> out;
    for (const TablePartition& partition : table.partitions)
      out.push_back({partition.offset, partition.length});
    return out;
  }
  static std::string error_of(const DeviceFile& file) {
    const auto table = read_partition_table(file);
    return table ? "accepted" : table.error().message;
  }
  static void write(const DeviceFile& file, std::uint64_t offset, const std::vector<unsigned char>& bytes) {
    ASSERT_EQ(::pwrite(file.fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes.size()));
  }

  test::TempDir directory_;
};

TEST_F(PartitionTableOfADisk, GptHasItsFrontAndItsBackup) {
  const auto table = read_partition_table(disk("label: gpt\\nsize=4MiB, name=\"one\"\\nsize=8MiB\\n"));
  ASSERT_TRUE(table && *table);
  EXPECT_EQ((*table)->type, "gpt");
  EXPECT_EQ((*table)->sector_bytes, 512);
  EXPECT_EQ((*table)->disk_bytes, disk_bytes);
  EXPECT_EQ((*table)->partitions[0].name, "one");
  EXPECT_THAT(places(**table), ElementsAre(Extent{MiB, 4 * MiB}, Extent{5 * MiB, 8 * MiB}));
  EXPECT_THAT((*table)->own, ElementsAre(Extent{0, MiB}, Extent{disk_bytes - 33 * 512, 33 * 512}));
}

TEST_F(PartitionTableOfADisk, MbrHasEachExtendedRecordAndNoMoreThanItsPartitionsNeed) {
  const auto table =
      read_partition_table(disk("label: dos\\n1 : size=4MiB\\n2 : size=20MiB, type=E\\n5 : size=4MiB\\n6 : "
                                "size=4MiB\\n7 : size=2MiB\\n"));
  ASSERT_TRUE(table && *table);
  EXPECT_EQ((*table)->type, "dos");
  EXPECT_THAT(places(**table), ElementsAre(Extent{MiB, 4 * MiB}, Extent{6 * MiB, 4 * MiB},
                                           Extent{11 * MiB, 4 * MiB}, Extent{16 * MiB, 2 * MiB}));
  EXPECT_THAT((*table)->own, ElementsAre(Extent{0, MiB}, Extent{5 * MiB, 512}, Extent{10 * MiB, 512},
                                         Extent{15 * MiB, 512}));
  EXPECT_EQ((*table)->disk_bytes, 18 * MiB);
}

TEST_F(PartitionTableOfADisk, NoneIsNoError) {
  const auto table = read_partition_table(disk("label: gpt\\n"));
  EXPECT_TRUE(table && *table && (*table)->partitions.empty());
  const DeviceFile empty = disk("label: dos\\n");
  write(empty, 0, std::vector<unsigned char>(512));
  const auto none = read_partition_table(empty);
  EXPECT_TRUE(none && !*none);
}

TEST_F(PartitionTableOfADisk, OfAnotherKindIsRefused) {
  EXPECT_THAT(error_of(disk("label: sun\\n")), HasSubstr("of kind sun"));
}

TEST_F(PartitionTableOfADisk, AChainOfRecordsThatRunsInACircleIsRefused) {
  const DeviceFile file = disk("label: dos\\n2 : size=20MiB, type=E\\n5 : size=4MiB\\n6 : size=4MiB\\n");
  // The second record names itself as the next, counted from the first at 1 MiB.
  const std::uint64_t second = 6 * MiB;
  std::vector<unsigned char> entry(16);
  entry[4] = 5;
  entry[8] = static_cast<unsigned char>((second - MiB) / 512 & 0xff);
  entry[9] = static_cast<unsigned char>((second - MiB) / 512 >> 8);
  entry[12] = 1;
  write(file, second + 446 + 16, entry);
  const auto table = read_partition_table(file);
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error().message, testing::AnyOf(HasSubstr("circle"), HasSubstr("overlap")));
}

// Whatever the sectors hold: an answer, and none that leads beyond the disk.
TEST_F(PartitionTableOfADisk, StaysWithinTheDiskWhateverItHolds) {
  std::mt19937 random(1);
  for (const std::string script :
       {"label: gpt\\nsize=4MiB\\nsize=8MiB\\n",
        "label: dos\\n1 : size=4MiB\\n2 : type=E\\n5 : size=4MiB\\n6 : size=4MiB\\n"}) {
    const DeviceFile file = disk(script);
    std::vector<unsigned char> front(3 * 512);
    ASSERT_EQ(::pread(file.fd.get(), front.data(), front.size(), 0), static_cast<ssize_t>(front.size()));
    for (int round = 0; round < 300; ++round) {
      std::vector<unsigned char> changed = front;
      for (int i = 0; i < 4; ++i) changed[random() % changed.size()] = static_cast<unsigned char>(random());
      write(file, 0, changed);
      const auto table = read_partition_table(file);
      if (!table || !*table) continue;
      std::vector<Extent> all = (*table)->own;
      for (const Extent& place : places(**table)) all.push_back(place);
      for (const Extent& extent : all) {
        EXPECT_GT(extent.length, 0);
        EXPECT_LE(extent.offset + extent.length, disk_bytes) << "round " << round;
      }
      EXPECT_LE((*table)->disk_bytes, disk_bytes);
    }
  }
}

}  // namespace
}  // namespace ezio
