// The whole disk path against real files and devices: both backends, with and without O_DIRECT.
#include "disk/disk_engine.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <tuple>

#include "disk/engine.hpp"
#include "disk_fixture.hpp"
#include "disk_model.hpp"

namespace ezio {
namespace {

using namespace test;
using Backend = DiskOptions::Backend;

enum class Medium { ext4_file, tmpfs_file, loop512, loop4096 };

std::string parent_directory(Medium medium) {
  switch (medium) {
    case Medium::ext4_file: {
      static const Ext4 ext4;  // one for all tests; whatever /var/tmp lies on, this has O_DIRECT
      return ext4.path();
    }
    case Medium::tmpfs_file:
      return "/dev/shm";
    default:
      return "/var/tmp";
  }
}

// A medium whose bytes can be set and seen behind the storage's back.
class Disk {
 public:
  Disk(Medium medium, std::uint64_t bytes) : directory_(parent_directory(medium)), bytes_(bytes) {
    require_root();
    path_ = directory_.path("image");
    fd_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    write_all(fd_.get(), old_device(bytes));
    if (medium == Medium::loop512 || medium == Medium::loop4096) {
      loop_ = std::make_unique<LoopDevice>(
          fd_.get(), LoopDevice::Options{.sector = medium == Medium::loop512 ? 512u : 4096u});
    }
  }

  const std::string& path() const { return loop_ ? loop_->path() : path_; }
  std::vector<std::byte> contents() const { return read_all(fd_.get(), bytes_); }

 private:
  TempDir directory_;
  std::uint64_t bytes_;
  std::string path_;
  UniqueFd fd_;
  std::unique_ptr<LoopDevice> loop_;
};

class StorageTest : public testing::TestWithParam<std::tuple<Backend, Medium>> {
 protected:
  static constexpr std::uint64_t device_bytes = 8 * MiB;
  static constexpr std::size_t arena_bytes = 16 * MiB;

  void SetUp() override {
    DiskOptions options;
    options.backend = std::get<0>(GetParam());
    options.arena = arena();
    auto engine = make_disk_engine(options);
    ASSERT_TRUE(engine) << engine.error().message;
    engine_ = std::move(*engine);
  }

  MutableBytes arena() { return {arena_.get(), arena_bytes}; }
  Medium medium() const { return std::get<1>(GetParam()); }

  std::unique_ptr<Storage> open(const Disk& disk, const Metainfo& metainfo, std::uint64_t owner = 7) {
    auto target = open_target(disk.path(), metainfo.target_size, Missing::create);
    if (!target) throw std::runtime_error(target.error().message);
    auto storage = open_target_storage(*engine_, owner, std::move(*target), metainfo);
    if (!storage) throw std::runtime_error(storage.error().message);
    return std::move(*storage);
  }

  // Of the next `count` completions.
  std::set<std::uint64_t> tokens_of_all_ok(std::size_t count) {
    std::set<std::uint64_t> tokens;
    for (const IoCompletion& completion : wait_for(*engine_, count)) {
      EXPECT_EQ(completion.owner, 7u);
      EXPECT_TRUE(completion.status.ok())
          << std::strerror(completion.status.error) << " at " << completion.status.device_offset;
      tokens.insert(completion.token);
    }
    return tokens;
  }
  void expect_all_ok(std::size_t count) { tokens_of_all_ok(count); }

  // Writes the torrent in random pieces, all in flight at once, then reads it back likewise.
  void write_and_read_back(const std::vector<Extent>& extents, std::uint64_t max_piece, Random& random);
  void place_pieces(const std::vector<Range>& pieces, Random& random);

  std::unique_ptr<std::byte[], void (*)(void*)> arena_ = aligned_memory(arena_bytes);
  std::unique_ptr<DiskEngine> engine_;
  std::vector<std::byte*> places_;  // of each piece in the arena
};

// In order, now page-aligned, now wherever the last piece ended.
void StorageTest::place_pieces(const std::vector<Range>& pieces, Random& random) {
  places_.clear();
  std::size_t at = 0;
  for (const Range& piece : pieces) {
    if (piece.length >= 4096 && between(random, 0, 1) == 0) at = (at + 4095) / 4096 * 4096;
    places_.push_back(arena_.get() + at);
    at += piece.length;
  }
  ASSERT_LE(at, arena_bytes);
}

void StorageTest::write_and_read_back(const std::vector<Extent>& extents, std::uint64_t max_piece,
                                      Random& random) {
  const Disk disk(medium(), device_bytes);
  const Metainfo metainfo = torrent_of(extents);
  auto storage = open(disk, metainfo);
  const std::vector<std::byte> torrent = torrent_bytes(metainfo.total_length);
  const std::vector<Range> pieces = random_cut(random, metainfo.total_length, max_piece);
  place_pieces(pieces, random);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    std::memcpy(places_[i], torrent.data() + pieces[i].offset, pieces[i].length);
    storage->write(i, pieces[i].offset, Bytes(places_[i], pieces[i].length));
  }
  expect_all_ok(pieces.size());
  storage->flush(0, Storage::Cached::keep);
  expect_all_ok(1);
  const auto expected = written_device(device_bytes, extents);
  ASSERT_EQ(first_difference(disk.contents(), expected), device_bytes);

  std::memset(arena_.get(), 0, arena_bytes);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    storage->read(i, pieces[i].offset, MutableBytes(places_[i], pieces[i].length));
  }
  expect_all_ok(pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    ASSERT_EQ(std::memcmp(places_[i], torrent.data() + pieces[i].offset, pieces[i].length), 0);
  }
}

TEST_P(StorageTest, ExtentsOfWholeBlocksAreWrittenExactly) {
  Random random(1);
  write_and_read_back(random_extents(random, device_bytes, 1 * MiB, 256 * KiB, 4096), 1 * MiB, random);
}

TEST_P(StorageTest, BytesNextToUnalignedExtentsSurvive) {
  for (unsigned seed = 0; seed < 3; ++seed) {
    Random random(seed);
    write_and_read_back(random_extents(random, device_bytes, 200'000, 60'000), 300'000, random);
  }
}

TEST_P(StorageTest, PiecesThatMeetInOneSectorBothArrive) {
  Random random(4);
  write_and_read_back({{1000, 20'000}, {30'001, 3}, {30'010, 9'000}}, 700, random);
}

TEST_P(StorageTest, ManySmallExtentsAreWrittenExactly) {
  Random random(5);
  write_and_read_back(random_extents(random, 1 * MiB, 6000, 3000), 100'000, random);
}

TEST_P(StorageTest, ExtentsOfOneSectorOf512AreWrittenExactly) {
  Random random(6);
  write_and_read_back(random_extents(random, 2 * MiB, 20'000, 4000, 512), 64 * KiB, random);
}

TEST_P(StorageTest, AnExtentCanReachTheLastByteOfTheDevice) {
  Random random(7);
  write_and_read_back({{device_bytes - 70'001, 70'001}}, 30'000, random);
}

// Pieces of a random cut, every other one zeroed and the others written, all in flight at once.
TEST_P(StorageTest, ZerosTouchTheirExtentsAndNothingElse) {
  for (unsigned seed = 0; seed < 3; ++seed) {
    Random random(seed);
    const auto extents = random_extents(random, device_bytes, seed == 0 ? 2 * MiB : 200'000, 60'000);
    const Disk disk(medium(), device_bytes);
    const Metainfo metainfo = torrent_of(extents);
    auto storage = open(disk, metainfo);
    std::vector<std::byte> torrent = torrent_bytes(metainfo.total_length);
    const std::vector<Range> pieces =
        random_cut(random, metainfo.total_length, seed == 0 ? 3 * MiB : 100'000);
    place_pieces(pieces, random);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (i % 2 == 0) {
        std::memset(torrent.data() + pieces[i].offset, 0, pieces[i].length);
        storage->zero(i, pieces[i].offset, pieces[i].length);
        continue;
      }
      std::memcpy(places_[i], torrent.data() + pieces[i].offset, pieces[i].length);
      storage->write(i, pieces[i].offset, Bytes(places_[i], pieces[i].length));
    }
    expect_all_ok(pieces.size());
    storage->flush(0, Storage::Cached::forget);
    expect_all_ok(1);
    std::vector<std::byte> expected = old_device(device_bytes);
    std::uint64_t at = 0;
    for (const Extent& extent : extents) {
      std::memcpy(expected.data() + extent.offset, torrent.data() + at, extent.length);
      at += extent.length;
    }
    ASSERT_EQ(first_difference(disk.contents(), expected), device_bytes) << "seed " << seed;
  }
}

TEST_P(StorageTest, WhatWasZeroedInAFileIsAHoleAndDataIsNone) {
  const Disk disk(medium(), device_bytes);
  auto storage = open(disk, torrent_of({{0, device_bytes}}));
  EXPECT_FALSE(storage->is_hole(0, device_bytes));
  storage->zero(1, MiB, 2 * MiB);
  expect_all_ok(1);
  const bool file = medium() == Medium::ext4_file || medium() == Medium::tmpfs_file;
  EXPECT_EQ(storage->is_hole(MiB, 2 * MiB), file) << "of a device nobody can tell";
  EXPECT_FALSE(storage->is_hole(MiB, 2 * MiB + 4096));
}

TEST_P(StorageTest, DescribesHowItReachesTheMedium) {
  const Disk disk(medium(), device_bytes);
  const std::string text = open(disk, torrent_of({{0, 4096}}))->description();
  const std::string backend = std::get<0>(GetParam()) == Backend::uring ? "io_uring" : "threads";
  switch (medium()) {
    case Medium::ext4_file:
      EXPECT_EQ(text, backend + ", O_DIRECT, 512-byte sectors");
      break;
    case Medium::tmpfs_file:
      EXPECT_EQ(text, backend + ", buffered (tmpfs has no O_DIRECT)");
      break;
    case Medium::loop512:
      EXPECT_EQ(text, backend + ", O_DIRECT, 512-byte sectors");
      break;
    case Medium::loop4096:
      EXPECT_EQ(text, backend + ", O_DIRECT, 4096-byte sectors");
      break;
  }
}

TEST_P(StorageTest, RequestsOfNoBytesComplete) {
  const Disk disk(medium(), device_bytes);
  auto storage = open(disk, torrent_of({{0, 4096}}));
  storage->write(1, 4096, {});
  storage->read(2, 0, {});
  expect_all_ok(2);
}

// What is in flight ends before the storage has closed: later its memory is another's and its disk left
// alone. What has not started never does, and nothing of either is told.
TEST_P(StorageTest, AStorageCanCloseWithRequestsInFlightWhileAnotherGoesOn) {
  constexpr std::uint64_t request_bytes = 16 * KiB;  // more requests than are in flight at once
  const Disk disk(medium(), device_bytes);
  const Disk other_disk(medium(), device_bytes);
  const Metainfo metainfo = torrent_of({{0, device_bytes}});
  auto storage = open(disk, metainfo, 8);
  auto other = open(other_disk, metainfo);
  const std::vector<std::byte> torrent = torrent_bytes(device_bytes);
  const MutableBytes memory = arena().first(device_bytes);
  const MutableBytes other_memory = arena().subspan(device_bytes);
  std::copy(torrent.begin(), torrent.end(), memory.begin());
  std::copy(torrent.begin(), torrent.end(), other_memory.begin());
  for (std::uint64_t at = 0; at < device_bytes; at += request_bytes) {
    storage->write(at, at, memory.subspan(at, request_bytes));
    other->write(at, at, other_memory.subspan(at, request_bytes));
  }
  engine_->submit();
  storage.reset();
  std::fill(memory.begin(), memory.end(), std::byte{0xEE});
  const std::vector<std::byte> when_closed = disk.contents();
  EXPECT_EQ(tokens_of_all_ok(device_bytes / request_bytes).size(), device_bytes / request_bytes);

  EXPECT_EQ(other_disk.contents(), torrent);
  EXPECT_EQ(disk.contents(), when_closed);
  const std::size_t written = first_difference(when_closed, torrent);
  EXPECT_GT(written, 0u) << "nothing was in flight";
  EXPECT_LT(written, device_bytes) << "nothing was left to abandon";
  const std::vector<std::byte> old = old_device(device_bytes);
  EXPECT_TRUE(std::equal(when_closed.begin() + static_cast<std::ptrdiff_t>(written), when_closed.end(),
                         old.begin() + static_cast<std::ptrdiff_t>(written)));
}

TEST_P(StorageTest, MemoryOutsideTheArenaWorksToo) {
  const Disk disk(medium(), device_bytes);
  auto storage = open(disk, torrent_of({{4096, 1 * MiB}}));
  auto memory = aligned_memory(1 * MiB);
  storage->read(1, 0, MutableBytes(memory.get(), 1 * MiB));
  expect_all_ok(1);
  EXPECT_EQ(memory[0], old_byte(4096));
  EXPECT_EQ(memory[MiB - 1], old_byte(4096 + MiB - 1));
}

std::string parameter_name(const testing::TestParamInfo<std::tuple<Backend, Medium>>& info) {
  static const char* const media[] = {"ext4_file", "tmpfs_file", "loop512", "loop4096"};
  const std::string backend = std::get<0>(info.param) == Backend::uring ? "uring_" : "threads_";
  return backend + media[static_cast<int>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(Media, StorageTest,
                         testing::Combine(testing::Values(Backend::uring, Backend::threads),
                                          testing::Values(Medium::ext4_file, Medium::tmpfs_file,
                                                          Medium::loop512, Medium::loop4096)),
                         parameter_name);

}  // namespace
}  // namespace ezio
