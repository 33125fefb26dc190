// Serving from a directory of offset-named files.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "disk/disk_engine.hpp"
#include "disk_fixture.hpp"
#include "disk_model.hpp"

namespace ezio {
namespace {

using namespace test;
using Backend = DiskOptions::Backend;

void write_file(const std::string& path, Bytes bytes) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  ASSERT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}

class DirectorySourceTest : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    DiskOptions options;
    options.backend = GetParam();
    auto engine = make_disk_engine(options);
    ASSERT_TRUE(engine) << engine.error().message;
    engine_ = std::move(*engine);
  }

  // One file an extent in `directory`, named by `name`.
  template <class Name>
  std::vector<std::byte> fill(const std::string& directory, const std::vector<Extent>& extents, Name name) {
    const std::vector<std::byte> torrent = torrent_bytes(length_of(extents));
    std::uint64_t at = 0;
    for (const Extent& extent : extents) {
      write_file(directory + "/" + name(extent.offset), Bytes(torrent).subspan(at, extent.length));
      at += extent.length;
    }
    return torrent;
  }

  Result<std::unique_ptr<Storage>> open(const std::vector<Extent>& extents,
                                        const std::string& name = "sda1") {
    return open_source_storage(*engine_, 3, directory_.path(), torrent_of(extents, name));
  }

  void expect_reads(Storage& storage, const std::vector<std::byte>& torrent) {
    std::vector<std::byte> back(torrent.size());
    Random random(1);
    const auto ranges = random_cut(random, torrent.size(), 50'000);
    for (const Range& range : ranges) {
      storage.read(range.offset, range.offset, MutableBytes(back).subspan(range.offset, range.length));
    }
    for (const IoCompletion& completion : wait_for(*engine_, ranges.size()))
      EXPECT_TRUE(completion.status.ok());
    EXPECT_TRUE(back == torrent);
  }

  TempDir directory_;
  std::unique_ptr<DiskEngine> engine_;
};

std::string long_name(std::uint64_t offset) {
  return fmt::format("{:032x}", offset);
}

const std::vector<Extent> some_extents{{0xABC000, 9000}, {0, 5000}, {0x1000000, 1}, {5000, 100'000}};

TEST_P(DirectorySourceTest, ReadsFilesNamedAsPartcloneNamesThem) {
  const auto torrent = fill(directory_.path(), some_extents, long_name);
  auto storage = open(some_extents);
  ASSERT_TRUE(storage) << storage.error().message;
  EXPECT_EQ((*storage)->description(), "threads, a directory of extents");
  expect_reads(**storage, torrent);
}

TEST_P(DirectorySourceTest, NamesMatchByValueInAnyCaseAndLength) {
  int count = 0;
  const auto torrent = fill(directory_.path(), some_extents, [&](std::uint64_t offset) {
    return ++count % 2 == 0 ? fmt::format("{:x}", offset) : fmt::format("{:010X}", offset);
  });
  auto storage = open(some_extents);
  ASSERT_TRUE(storage) << storage.error().message;
  expect_reads(**storage, torrent);
}

TEST_P(DirectorySourceTest, ADirectoryOfTheTorrentsNameIsPreferred) {
  const std::string inner = directory_.path("sda1");
  ASSERT_EQ(::mkdir(inner.c_str(), 0700), 0);
  const auto torrent = fill(inner, some_extents, long_name);
  auto storage = open(some_extents);
  ASSERT_TRUE(storage) << storage.error().message;
  expect_reads(**storage, torrent);
}

TEST_P(DirectorySourceTest, AHostileNameLeadsNowhere) {
  const std::string inner = directory_.path("inner");
  ASSERT_EQ(::mkdir(inner.c_str(), 0700), 0);
  fill(directory_.path(), some_extents, long_name);
  for (const std::string name : {"..", ".", "", "../inner", "inner/.."}) {
    const auto storage = open_source_storage(*engine_, 3, inner, torrent_of(some_extents, name));
    EXPECT_FALSE(storage) << name;
  }
}

TEST_P(DirectorySourceTest, MoreFilesThanAreHeldOpenAreRead) {
  std::vector<Extent> extents;
  for (std::uint64_t i = 0; i < 1000; ++i) extents.push_back({(i * 37 % 1000) * 4096, 100 + i});
  const auto torrent = fill(directory_.path(), extents, long_name);
  auto storage = open(extents);
  ASSERT_TRUE(storage) << storage.error().message;
  expect_reads(**storage, torrent);
  expect_reads(**storage, torrent);
}

TEST_P(DirectorySourceTest, AMissingFileIsRefusedByItsOffset) {
  fill(directory_.path(), some_extents, long_name);
  ASSERT_EQ(::unlink(directory_.path(long_name(0xABC000)).c_str()), 0);
  const auto storage = open(some_extents);
  ASSERT_FALSE(storage);
  EXPECT_THAT(storage.error().message, testing::HasSubstr("0xabc000"));
}

TEST_P(DirectorySourceTest, AFileOfAnotherLengthIsRefusedByItsName) {
  fill(directory_.path(), some_extents, long_name);
  ASSERT_EQ(::truncate(directory_.path(long_name(0)).c_str(), 4999), 0);
  const auto storage = open(some_extents);
  ASSERT_FALSE(storage);
  EXPECT_THAT(storage.error().message, testing::HasSubstr(long_name(0)));
  EXPECT_THAT(storage.error().message, testing::HasSubstr("4999"));
}

TEST_P(DirectorySourceTest, AFileThatShrinksAfterTheCheckIsEioAtItsPlaceOnTheDevice) {
  fill(directory_.path(), some_extents, long_name);
  auto storage = open(some_extents);
  ASSERT_TRUE(storage) << storage.error().message;
  ASSERT_EQ(::truncate(directory_.path(long_name(0xABC000)).c_str(), 10), 0);
  std::vector<std::byte> memory(9000);
  (*storage)->read(1, 0, memory);
  const auto completions = wait_for(*engine_, 1);
  EXPECT_EQ(completions[0].status.error, EIO);
  EXPECT_EQ(completions[0].status.device_offset, 0xABC000u + 10);
}

TEST_P(DirectorySourceTest, AFileThatVanishesAfterTheCheckIsEnoent) {
  fill(directory_.path(), some_extents, long_name);
  auto storage = open(some_extents);
  ASSERT_TRUE(storage) << storage.error().message;
  ASSERT_EQ(::unlink(directory_.path(long_name(0)).c_str()), 0);
  std::vector<std::byte> memory(5000);
  (*storage)->read(1, 9000, memory);
  EXPECT_EQ(wait_for(*engine_, 1)[0].status.error, ENOENT);
}

INSTANTIATE_TEST_SUITE_P(Backends, DirectorySourceTest, testing::Values(Backend::uring, Backend::threads),
                         [](const auto& tested) {
                           return tested.param == Backend::uring ? "uring" : "threads";
                         });

}  // namespace
}  // namespace ezio
