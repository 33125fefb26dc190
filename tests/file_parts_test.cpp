#include "disk/file_parts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/engine.hpp"
#include "disk_fixture.hpp"
#include "disk_model.hpp"

namespace ezio {
namespace {

using namespace test;

constexpr std::size_t max_parts = 16;

// One file for every run, or none that can be opened.
class TestFile final : public IoFile {
 public:
  TestFile(int fd, const std::vector<Extent>& extents, IoAlignment io_alignment = {})
      : IoFile(ExtentMap(extents), io_alignment, 1), fd_(fd) {}

  Handle open_run(std::uint32_t run) const override {
    ++opened;
    if (run == broken_run) return {-1, ENOENT, 0, nullptr};
    return {fd_, 0, base, nullptr};
  }
  std::string path_of(std::uint32_t) const override { return "a file"; }
  std::string kind() const override { return "a file"; }

  mutable int opened = 0;
  std::uint64_t base = 0;
  std::uint32_t broken_run = ~0u;

 private:
  int fd_;
};

std::vector<std::byte> read_through(const FileParts& parts) {
  std::vector<std::byte> bytes;
  for (const FilePart& part : parts) {
    const std::size_t at = bytes.size();
    bytes.resize(at + part.length);
    EXPECT_EQ(::pread(part.fd, bytes.data() + at, part.length, static_cast<off_t>(part.offset)),
              static_cast<ssize_t>(part.length));
  }
  return bytes;
}

std::unique_ptr<DiskEngine> make_engine() {
  return make_disk_engine({}).value();
}

// Random ranges of the torrent: through the parts, where there are any, come the bytes that read() gives.
// Returns how often there were.
int expect_parts_agree_with_reads(DiskEngine& engine, Storage& storage, std::uint64_t total, Random& random) {
  int found = 0;
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t begin = between(random, 0, total - 1);
    const std::uint64_t length = between(random, 1, std::min<std::uint64_t>(total - begin, 700'000));
    const FileParts parts = storage.file_parts(begin, length, max_parts);
    if (parts.empty()) continue;
    ++found;
    EXPECT_LE(parts.size(), max_parts);
    std::vector<std::byte> expected(length);
    storage.read(1, begin, expected);
    EXPECT_TRUE(wait_for(engine, 1)[0].status.ok());
    EXPECT_TRUE(read_through(parts) == expected) << begin << " + " << length;
  }
  return found;
}

// A file of old_device() bytes.
class FilePartsTest : public testing::Test {
 protected:
  static constexpr std::uint64_t file_bytes = 4 * MiB;
  FilePartsTest() { write_all(file_.get(), old_device(file_bytes)); }

  UniqueFd file_ = nameless_file("/var/tmp", file_bytes);
};

TEST_F(FilePartsTest, ARangeOfOneExtentIsOnePartHoweverShort) {
  const TestFile file(file_.get(), {{1 * MiB, 1 * MiB}, {0, 4096}});
  const FileParts parts = file_parts(file, 1000, 10, max_parts);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].fd, file_.get());
  EXPECT_EQ(parts[0].offset, 1 * MiB + 1000);
  EXPECT_EQ(parts[0].length, 10u);
}

TEST_F(FilePartsTest, PartsFollowTheTorrentNotTheDevice) {
  const TestFile file(file_.get(), {{2 * MiB, 300'000}, {0, 100'000}, {1 * MiB, 500'000}});
  const FileParts parts = file_parts(file, 200'000, 300'000, max_parts);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].offset, 2 * MiB + 200'000);
  EXPECT_EQ(parts[0].length, 100'000u);
  EXPECT_EQ(parts[1].offset, 0u);
  EXPECT_EQ(parts[1].length, 100'000u);
  EXPECT_EQ(parts[2].offset, 1 * MiB);
  EXPECT_EQ(parts[2].length, 100'000u);
}

TEST_F(FilePartsTest, TheLastByteOfTheTorrentCanBeInThem) {
  const TestFile file(file_.get(), {{0, 70'000}, {1 * MiB, 70'000}});
  const FileParts parts = file_parts(file, 0, 140'000, max_parts);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[1].offset + parts[1].length, 1 * MiB + 70'000);
}

TEST_F(FilePartsTest, OffsetsCountFromTheFirstByteOfTheDescriptor) {
  TestFile file(file_.get(), {{10 * MiB, 100'000}});
  file.base = 10 * MiB;
  EXPECT_EQ(file_parts(file, 5, 10, max_parts).at(0).offset, 5u);
}

TEST_F(FilePartsTest, ThereAreNoneWhereTransfersMustBeAligned) {
  const TestFile file(file_.get(), {{0, 1 * MiB}}, IoAlignment{.sector = 512, .memory = 512});
  EXPECT_TRUE(file_parts(file, 0, 1 * MiB, max_parts).empty());
}

TEST_F(FilePartsTest, ThereAreNoneWhereTheyWouldBeTooMany) {
  const TestFile file(file_.get(), {{1 * MiB, 1000}, {0, 1000}, {2 * MiB, 1000}});
  EXPECT_TRUE(file_parts(file, 999, 1002, 2).empty());
  EXPECT_EQ(file_parts(file, 999, 1002, 3).size(), 3u);
  EXPECT_EQ(file_parts(file, 999, 1001, 2).size(), 2u);
  EXPECT_EQ(file_parts(file, 1000, 1000, 1).size(), 1u);
}

TEST_F(FilePartsTest, NoFileIsOpenedWhereTheyWouldBeTooMany) {
  const TestFile file(file_.get(), {{1 * MiB, 1000}, {0, 1000}});
  EXPECT_TRUE(file_parts(file, 0, 2000, 1).empty());
  EXPECT_EQ(file.opened, 0);
}

TEST_F(FilePartsTest, ThereAreNoneWhereOneOfTheFilesCannotBeOpened) {
  TestFile file(file_.get(), {{1 * MiB, 1 * MiB}, {0, 1 * MiB}});
  file.broken_run = 1;
  EXPECT_TRUE(file_parts(file, 512 * KiB, 1 * MiB, max_parts).empty());
  EXPECT_EQ(file_parts(file, 512 * KiB, 512 * KiB, max_parts).size(), 1u) << "not needed here";
}

TEST_F(FilePartsTest, ThroughThePartsOfAFileComeTheBytesThatReadingGives) {
  const auto engine = make_engine();
  int found = 0;
  for (unsigned seed = 0; seed < 4; ++seed) {
    Random random(seed);
    const auto extents = random_extents(random, file_bytes, seed % 2 == 0 ? 600'000 : 90'000, 20'000);
    auto file = std::make_unique<TestFile>(file_.get(), extents);
    auto storage = dynamic_cast<Engine&>(*engine).open(std::move(file));
    found += expect_parts_agree_with_reads(*engine, *storage, length_of(extents), random);
  }
  EXPECT_GT(found, 100);
}

// --- a directory of offset-named files

class DirectoryParts : public testing::Test {
 protected:
  std::unique_ptr<Storage> open(const std::vector<Extent>& extents) {
    const std::vector<std::byte> torrent = torrent_bytes(length_of(extents));
    std::uint64_t at = 0;
    for (const Extent& extent : extents) {
      const UniqueFd fd(::open(path_of(extent).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
      write_all(fd.get(), {torrent.begin() + static_cast<std::ptrdiff_t>(at),
                           torrent.begin() + static_cast<std::ptrdiff_t>(at + extent.length)});
      at += extent.length;
    }
    return open_source_storage(*engine_, 3, directory_.path(), torrent_of(extents)).value();
  }
  std::string path_of(const Extent& extent) const {
    return directory_.path(fmt::format("{:032x}", extent.offset));
  }

  TempDir directory_;
  std::unique_ptr<DiskEngine> engine_ = make_engine();
};

TEST_F(DirectoryParts, AreOneAFileEachFromTheFilesOwnBeginning) {
  const std::vector<Extent> extents{{0x900000, 100'000}, {0, 80'000}, {80'000, 200'000}};
  const auto storage = open(extents);
  const FileParts parts = storage->file_parts(30'000, 250'000, max_parts);
  ASSERT_EQ(parts.size(), 3u);
  const std::uint64_t offsets[] = {30'000, 0, 0};
  const std::uint64_t lengths[] = {70'000, 80'000, 100'000};
  for (std::size_t i = 0; i < 3; ++i) {
    struct stat by_name {
    }, by_part{};
    ASSERT_EQ(::stat(path_of(extents[i]).c_str(), &by_name), 0);
    ASSERT_EQ(::fstat(parts[i].fd, &by_part), 0);
    EXPECT_EQ(by_part.st_ino, by_name.st_ino);
    EXPECT_EQ(parts[i].offset, offsets[i]);
    EXPECT_EQ(parts[i].length, lengths[i]);
  }
  const auto torrent = torrent_bytes(380'000);
  EXPECT_TRUE(read_through(parts) == std::vector(torrent.begin() + 30'000, torrent.begin() + 280'000));
}

TEST_F(DirectoryParts, GiveTheBytesThatReadingGives) {
  Random random(9);
  const auto extents = random_extents(random, 4 * MiB, 300'000, 50'000);
  const auto storage = open(extents);
  EXPECT_GT(expect_parts_agree_with_reads(*engine_, *storage, length_of(extents), random), 20);
}

TEST_F(DirectoryParts, StayOpenHoweverManyFilesAreOpenedAfterThem) {
  std::vector<Extent> extents;
  for (std::uint64_t i = 0; i < 1000; ++i) extents.push_back({i * 4096, 100});
  const auto storage = open(extents);
  const FileParts first = storage->file_parts(0, 100, max_parts);
  for (std::uint64_t i = 1; i < 1000; ++i) ASSERT_EQ(storage->file_parts(i * 100, 100, max_parts).size(), 1u);
  EXPECT_TRUE(read_through(first) == torrent_bytes(100));
}

TEST_F(DirectoryParts, AreNoneWhereAFileHasVanishedUntilItIsBack) {
  const std::vector<Extent> extents{{0x900000, 100'000}, {0, 100'000}};
  const auto storage = open(extents);
  const std::string elsewhere = directory_.path("elsewhere");
  ASSERT_EQ(::rename(path_of(extents[1]).c_str(), elsewhere.c_str()), 0);
  EXPECT_TRUE(storage->file_parts(0, 200'000, 2).empty());
  EXPECT_EQ(storage->file_parts(0, 100'000, 2).size(), 1u);
  ASSERT_EQ(::rename(elsewhere.c_str(), path_of(extents[1]).c_str()), 0);
  EXPECT_EQ(storage->file_parts(0, 200'000, 2).size(), 2u);
}

// --- the page cache

TEST_F(FilePartsTest, WhatWasJustWrittenIsInThePageCache) {
  EXPECT_TRUE(in_page_cache({{file_.get(), 0, file_bytes, nullptr}}));
  EXPECT_TRUE(in_page_cache({{file_.get(), 5000, 1, nullptr}, {file_.get(), 4095, 2, nullptr}}));
}

TEST_F(FilePartsTest, WhatTheKernelHasDroppedIsNotInThePageCacheUntilItIsReadAgain) {
  // Durable already: only clean pages are dropped. All of the file, as the kernel may hold it in large
  // pieces.
  ASSERT_EQ(::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
  ASSERT_EQ(::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_RANDOM), 0);  // no readahead
  EXPECT_FALSE(in_page_cache({{file_.get(), 0, file_bytes, nullptr}}));
  EXPECT_FALSE(in_page_cache({{file_.get(), 1 * MiB, 1, nullptr}}));
  char byte = 0;
  ASSERT_EQ(::pread(file_.get(), &byte, 1, 1 * MiB + 1000), 1);
  const FilePart there{file_.get(), 1 * MiB, 4096, nullptr};
  EXPECT_TRUE(in_page_cache({there}));
  EXPECT_FALSE(in_page_cache({{file_.get(), 0, file_bytes, nullptr}})) << "not all of it";
  EXPECT_FALSE(in_page_cache({there, {file_.get(), 3 * MiB, 1, nullptr}})) << "not both";
}

TEST(PageCache, HasNothingOfAHole) {
  const UniqueFd file = nameless_file("/dev/shm", 1 * MiB);
  ASSERT_EQ(::pwrite(file.get(), "x", 1, 8192), 1);
  EXPECT_TRUE(in_page_cache({{file.get(), 8192, 4096, nullptr}}));
  EXPECT_FALSE(in_page_cache({{file.get(), 8191, 2, nullptr}}));
  EXPECT_FALSE(in_page_cache({{file.get(), 512 * KiB, 4096, nullptr}}));
}

TEST_F(FilePartsTest, NothingBeyondTheEndOfTheFileIsInThePageCache) {
  EXPECT_FALSE(in_page_cache({{file_.get(), file_bytes, 4096, nullptr}}));
  EXPECT_FALSE(in_page_cache({{file_.get(), file_bytes - 4096, 8192, nullptr}}));
  ASSERT_EQ(::ftruncate(file_.get(), 1 * MiB), 0);
  EXPECT_FALSE(in_page_cache({{file_.get(), 0, file_bytes, nullptr}}));
}

TEST_F(FilePartsTest, TheKernelTellsOnlyThoseWhoOwnTheFileOrMayWriteToIt) {
  require_root();
  constexpr uid_t somebody = 65534;
  const auto ask_as_somebody = [&] {
    EXPECT_EQ(::seteuid(somebody), 0);
    const bool answer = in_page_cache({{file_.get(), 0, file_bytes, nullptr}});
    EXPECT_EQ(::seteuid(0), 0);
    return answer;
  };
  ASSERT_EQ(::fchmod(file_.get(), 0444), 0);
  EXPECT_FALSE(ask_as_somebody()) << "to whom the kernel says yes always";
  ASSERT_EQ(::fchmod(file_.get(), 0464), 0);
  EXPECT_TRUE(ask_as_somebody()) << "whose group may write to it";
  ASSERT_EQ(::fchmod(file_.get(), 0444), 0);
  ASSERT_EQ(::fchown(file_.get(), somebody, 0), 0);
  EXPECT_TRUE(ask_as_somebody()) << "who owns it";
}

TEST(PageCache, HasNothingOfWhatCannotBeMapped) {
  EXPECT_FALSE(in_page_cache({{-1, 0, 4096, nullptr}}));
}

}  // namespace
}  // namespace ezio
