// Sources: images with holes, directories of offset-named files, and the reading of both by torrent offset.
#include "disk/source_reader.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "bt/base/hex.hpp"
#include "disk/file_cache.hpp"
#include "disk/source.hpp"
#include "temp_directory.hpp"

namespace ezio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string read_text(SourceReader& reader, std::uint64_t offset, std::size_t length) {
  std::string text(length, '?');
  const MutableBytes bytes(reinterpret_cast<std::byte*>(text.data()), length);
  const Result<void> done = reader.read(offset, bytes);
  return done ? text : done.error().message;
}

std::string error_of(const auto& result) {
  return result ? "accepted" : result.error().message;
}

TEST(FileReader, ReadsEveryRangeOfExtentsInTorrentOrder) {
  const TempDirectory directory;
  const std::string image = directory.write("image", "0123456789abcdef");
  const std::vector<Extent> extents{{10, 4}, {2, 3}, {5, 2}, {0, 1}};
  const std::string torrent = "abcd234560";
  const auto reader = open_source_reader(image, "sda1", extents);
  ASSERT_TRUE(reader) << reader.error().message;
  for (std::size_t begin = 0; begin < torrent.size(); ++begin) {
    for (std::size_t length = 1; begin + length <= torrent.size(); ++length)
      EXPECT_EQ(read_text(**reader, begin, length), torrent.substr(begin, length));
  }
}

TEST(FileReader, RefusesAFileSmallerThanTheExtentsNeed) {
  const TempDirectory directory;
  const std::string image = directory.write("image", "0123");
  const std::vector<Extent> extents{{0, 5}};
  EXPECT_EQ(error_of(open_source_reader(image, "x", extents)),
            image + ": has 4 bytes, the torrent needs 5: it is not what the torrent was made of");
}

TEST(FileReader, AFileThatShrinksIsAReadErrorWithTheOffset) {
  const TempDirectory directory;
  const std::string image = directory.write("image", "01234567");
  const std::vector<Extent> extents{{0, 8}};
  const auto reader = open_source_reader(image, "x", extents);
  ASSERT_TRUE(reader);
  ASSERT_EQ(::truncate(image.c_str(), 2), 0);
  EXPECT_EQ(read_text(**reader, 4, 2), image + ": cannot read at offset 0x4: Input/output error");
}

TEST(SourceDevice, RefusesWhatIsNoDiskAndNoImage) {
  const TempDirectory directory;
  EXPECT_THAT(error_of(open_source_device(directory.path(), 0)), HasSubstr("is a directory"));
  EXPECT_THAT(error_of(open_source_device("/dev/null", 0)), HasSubstr("character device"));
  EXPECT_THAT(error_of(open_source_device(directory.path("none"), 0)),
              HasSubstr("No such file or directory"));
  ASSERT_EQ(::mkfifo(directory.path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(error_of(open_source_device(directory.path("fifo"), 0)), HasSubstr("neither"));
}

class DirectoryReaderTest : public testing::Test {
 protected:
  DirectoryReaderTest() {
    directory_.write(offset_name(0x1000), "abcd");
    directory_.write("2A", "efg");
    directory_.write("torrent.info", "");
  }
  TempDirectory directory_;
  const std::vector<Extent> extents_{{0x2a, 3}, {0x1000, 4}};
};

TEST_F(DirectoryReaderTest, FindsFilesByOffsetHoweverTheyAreSpelled) {
  const auto reader = open_source_reader(directory_.path(), "sda1", extents_);
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(read_text(**reader, 0, 7), "efgabcd");
  EXPECT_EQ(read_text(**reader, 2, 2), "ga");
}

TEST_F(DirectoryReaderTest, LooksInTheSubdirectoryOfTheTorrentsName) {
  const std::string parent = std::filesystem::path(directory_.path()).parent_path();
  const std::string name = std::filesystem::path(directory_.path()).filename();
  EXPECT_TRUE(open_source_reader(parent, name, extents_));
}

TEST_F(DirectoryReaderTest, RefusesAMissingFileAndOneOfAnotherLength) {
  EXPECT_EQ(error_of(open_source_reader(directory_.path(), "x", std::vector<Extent>{{0x3000, 4}})),
            directory_.path() + ": no file " + offset_name(0x3000) + " for 4 bytes at offset 0x3000");
  EXPECT_EQ(error_of(open_source_reader(directory_.path(), "x", std::vector<Extent>{{0x2a, 4}})),
            directory_.path("2A") + ": 3 bytes, not the extent's 4");
}

TEST_F(DirectoryReaderTest, AFileThatVanishesIsAReadError) {
  const auto reader = open_source_reader(directory_.path(), "sda1", extents_);
  ASSERT_TRUE(reader);
  std::filesystem::remove(directory_.path("2A"));
  EXPECT_EQ(read_text(**reader, 0, 1),
            directory_.path("2A") + ": cannot read at offset 0x0: No such file or directory");
}

TEST_F(DirectoryReaderTest, AScanTellsFilesFromStrangers) {
  directory_.write("zebra", "");
  directory_.write("notes.txt", "");
  const auto scanned = scan_offset_directory(directory_.path());
  ASSERT_TRUE(scanned) << scanned.error().message;
  EXPECT_THAT(scanned->files, ElementsAre(Extent{0x2a, 3}, Extent{0x1000, 4}));
  EXPECT_TRUE(scanned->has_torrent_info);
  EXPECT_EQ(scanned->stranger, "notes.txt");
  EXPECT_EQ(scanned->name_of(0x2a), "2A");
}

TEST_F(DirectoryReaderTest, TwoSpellingsOfOneOffsetAreRefused) {
  directory_.write("1000", "abcd");
  EXPECT_EQ(error_of(scan_offset_directory(directory_.path())),
            directory_.path() + ": two files are named by the offset 0x1000");
}

TEST_F(DirectoryReaderTest, ADirectoryNamedByAnOffsetIsRefused) {
  std::filesystem::create_directory(directory_.path("beef"));
  EXPECT_THAT(error_of(scan_offset_directory(directory_.path())), HasSubstr("beef: not a regular file"));
}

TEST(FileCache, OpensAFileAgainOnlyAfterItWasEvicted) {
  std::vector<std::size_t> opened;
  FileCache cache([&opened](std::size_t index) {
    opened.push_back(index);
    return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  });
  const FileCache::File held = cache.get(0);
  for (std::size_t i = 1; i < FileCache::capacity; ++i) cache.get(i);
  cache.get(0);
  EXPECT_EQ(opened.size(), FileCache::capacity);
  cache.get(1000);  // evicts 1, the least recently used
  cache.get(0);
  EXPECT_EQ(opened.size(), FileCache::capacity + 1);
  cache.get(1);
  EXPECT_EQ(opened.size(), FileCache::capacity + 2);
  EXPECT_EQ(held->error, 0);
}

TEST(FileCache, KeepsTheErrorOfAFileThatCannotBeOpened) {
  FileCache cache([](std::size_t) { return UniqueFd(::open("/nonexistent", O_RDONLY)); });
  EXPECT_EQ(cache.get(7)->error, ENOENT);
}

// Of a file that has data in [1 MiB, 2 MiB) only, what is a hole.
TEST(Holes, OfASparseFileAreFoundAndDataIsNeverTakenForOne) {
  const TempDirectory directory;
  const std::string path = directory.write("image", "");
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::ftruncate(fd.get(), 16 * MiB), 0);
  const std::string data(MiB, 'x');
  ASSERT_EQ(::pwrite(fd.get(), data.data(), data.size(), MiB), MiB);
  const std::vector<Extent> extents{{8 * MiB, 8 * MiB}, {0, 8 * MiB}};  // in another order than on the disk
  const auto reader = open_source_reader(path, "image", extents);
  ASSERT_TRUE(reader);
  EXPECT_TRUE((*reader)->is_hole(0, 8 * MiB));
  EXPECT_TRUE((*reader)->is_hole(8 * MiB, MiB));
  EXPECT_TRUE((*reader)->is_hole(4 * MiB, 5 * MiB)) << "over two extents";
  EXPECT_FALSE((*reader)->is_hole(8 * MiB, MiB + 1));
  EXPECT_FALSE((*reader)->is_hole(9 * MiB, MiB));
  EXPECT_FALSE((*reader)->is_hole(9 * MiB + 500 * KiB, 4 * MiB));
  EXPECT_TRUE((*reader)->is_hole(10 * MiB, 6 * MiB));
}

TEST(Holes, AFileOfWrittenZerosHasNone) {
  const TempDirectory directory;
  const std::string path = directory.write("image", std::string(MiB, '\0'));
  const auto reader = open_source_reader(path, "image", std::vector<Extent>{{0, MiB}});
  ASSERT_TRUE(reader);
  EXPECT_FALSE((*reader)->is_hole(0, MiB));
}

}  // namespace
}  // namespace ezio
