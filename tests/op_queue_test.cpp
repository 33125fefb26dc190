#include "disk/op_queue.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "disk_model.hpp"

namespace ezio {
namespace {

using namespace test;

class ModelFile final : public IoFile {
 public:
  using IoFile::IoFile;
  Handle open_run(std::uint32_t) const override { return {}; }
  std::string path_of(std::uint32_t) const override { return {}; }
  std::string kind() const override { return {}; }
};

// A disk in memory that makes transfers in any order, splits them anywhere and holds any number back.
class ModelDisk {
 public:
  ModelDisk(unsigned depth, std::size_t bounce_buffers, unsigned seed)
      : bounce_(bounce_buffers * bounce_bytes), queue(depth, bounce_), random_(seed) {}

  void start() {
    while (ActiveOp* op = queue.take()) active_.push_back(op);
  }
  bool busy() const { return !active_.empty(); }

  // One random transfer of one random operation.
  void step() {
    const std::size_t index = between(random_, 0, active_.size() - 1);
    ActiveOp& op = *active_[index];
    const Transfer transfer = op.run.transfer();
    order.push_back(transfer.offset);
    if (op.run.advance(make(transfer))) return;
    active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(index));
    queue.finish(op);
  }

  void run_all() {
    for (start(); busy(); start()) step();
  }

 private:
  std::int64_t make(const Transfer& transfer) {
    if (transfer.kind == Transfer::Kind::sync) return 0;
    if (bad_from <= transfer.offset + transfer.length && transfer.offset <= bad_from) return -EIO;
    std::uint64_t bytes = transfer.length;
    if (short_transfers && between(random_, 0, 1) == 0) bytes = between(random_, 1, bytes);
    std::byte* place = device.data() + transfer.offset;
    if (transfer.kind == Transfer::Kind::read) {
      std::memcpy(transfer.memory, place, bytes);
    } else {
      std::memcpy(place, transfer.memory, bytes);
    }
    return static_cast<std::int64_t>(bytes);
  }

  std::vector<std::byte> bounce_;

 public:
  OpQueue queue;
  std::vector<std::byte> device;
  std::vector<std::uint64_t> order;
  std::uint64_t bad_from = UINT64_MAX;  // transfers that touch this byte fail
  bool short_transfers = false;

 private:
  Random random_;
  std::vector<ActiveOp*> active_;
};

struct Shape {
  IoAlignment alignment;
  std::uint64_t max_length, max_gap, max_request;
  unsigned depth;
  std::size_t bounce_buffers;
};

class OpQueueProperty : public testing::TestWithParam<Shape> {};

TEST_P(OpQueueProperty, ConcurrentWritesTouchTheirExtentsAndNothingElse) {
  const Shape shape = GetParam();
  constexpr std::uint64_t device_bytes = 128 * KiB;
  for (unsigned seed = 0; seed < 40; ++seed) {
    Random random(seed);
    const auto extents = random_extents(random, device_bytes, shape.max_length, shape.max_gap);
    ModelFile file(ExtentMap(extents), shape.alignment, 9);
    ModelDisk disk(shape.depth, shape.bounce_buffers, seed);
    disk.device = old_device(device_bytes);
    disk.short_transfers = true;
    const std::vector<std::byte> torrent = torrent_bytes(length_of(extents));
    std::set<std::uint64_t> tokens;
    for (const Range& range : random_cut(random, torrent.size(), shape.max_request)) {
      disk.queue.write(file, range.offset, range.offset, Bytes(torrent).subspan(range.offset, range.length));
      tokens.insert(range.offset);
      disk.start();
      if (disk.busy() && between(random, 0, 3) == 0) disk.step();
    }
    disk.run_all();
    for (const IoCompletion& completion : disk.queue.completions()) {
      EXPECT_TRUE(completion.status.ok());
      EXPECT_EQ(completion.owner, 9u);
      EXPECT_EQ(tokens.erase(completion.token), 1u);
    }
    EXPECT_TRUE(tokens.empty());
    EXPECT_EQ(file.requests, 0u);
    ASSERT_EQ(first_difference(disk.device, written_device(device_bytes, extents)), device_bytes)
        << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, OpQueueProperty,
    testing::Values(Shape{{512, 512}, 5000, 700, 9000, 64, 16}, Shape{{4096, 512}, 9000, 4000, 20000, 8, 2},
                    Shape{{4096, 4096}, 300, 200, 100, 64, 64},  // pieces meet in sectors
                    Shape{{512, 512}, 40, 9, 30, 32, 1}, Shape{{1, 1}, 9000, 99, 9999, 4, 1}));

class OpQueueTest : public testing::Test {
 protected:
  static constexpr std::uint64_t device_bytes = 4 * MiB;
  OpQueueTest() : disk_(1, 4, 1) { disk_.device = old_device(device_bytes); }

  ModelDisk disk_;
  ModelFile file_{ExtentMap(std::vector<Extent>{{0, device_bytes}}), IoAlignment{512, 1}, 1};
  std::vector<std::byte> memory_ = torrent_bytes(device_bytes);
};

TEST_F(OpQueueTest, OperationsLeaveInTheOrderOfTheDevice) {
  for (std::uint64_t at : {3u, 0u, 2u, 1u}) {
    disk_.queue.write(file_, at, at * MiB, Bytes(memory_).subspan(at * MiB, MiB));
  }
  disk_.run_all();
  EXPECT_EQ(disk_.order, (std::vector<std::uint64_t>{0, MiB, 2 * MiB, 3 * MiB}));
}

TEST_F(OpQueueTest, LowerOffsetsThatComeLateWaitForTheNextRound) {
  disk_.queue.write(file_, 1, 2 * MiB, Bytes(memory_).first(MiB));
  disk_.queue.write(file_, 2, 3 * MiB, Bytes(memory_).first(MiB));
  disk_.start();
  disk_.queue.write(file_, 0, 0, Bytes(memory_).first(MiB));
  disk_.run_all();
  EXPECT_EQ(disk_.order, (std::vector<std::uint64_t>{2 * MiB, 3 * MiB, 0}));
}

TEST_F(OpQueueTest, AFailedRequestNamesTheFirstErrorAndOthersGoOn) {
  disk_.bad_from = 2 * MiB + 5;
  disk_.queue.write(file_, 1, 0, Bytes(memory_).first(2 * MiB - 512));
  disk_.queue.write(file_, 2, 2 * MiB, Bytes(memory_).first(2 * MiB));
  disk_.run_all();
  ASSERT_EQ(disk_.queue.completions().size(), 2u);
  EXPECT_TRUE(disk_.queue.completions()[0].status.ok());
  EXPECT_EQ(disk_.queue.completions()[1].status.error, EIO);
  EXPECT_EQ(disk_.queue.completions()[1].status.device_offset, 2 * MiB);
}

TEST_F(OpQueueTest, AfterAnErrorNothingMoreOfTheRequestIsWritten) {
  disk_.bad_from = 0;
  disk_.queue.write(file_, 1, 0, Bytes(memory_));
  disk_.run_all();
  EXPECT_EQ(disk_.order.size(), 1u);
  EXPECT_EQ(first_difference(disk_.device, old_device(device_bytes)), device_bytes);
}

TEST_F(OpQueueTest, AnAbandonedFileEndsWithoutCompletions) {
  disk_.queue.write(file_, 1, 0, Bytes(memory_));
  disk_.start();
  disk_.queue.abandon(file_);
  disk_.run_all();
  EXPECT_EQ(file_.requests, 0u);
  EXPECT_TRUE(disk_.queue.completions().empty());
  EXPECT_EQ(disk_.order.size(), 1u) << "only what was in flight";
}

TEST_F(OpQueueTest, EmptyRequestsComplete) {
  disk_.queue.write(file_, 5, 100, {});
  disk_.run_all();
  ASSERT_EQ(disk_.queue.completions().size(), 1u);
  EXPECT_TRUE(disk_.queue.completions()[0].status.ok());
  EXPECT_TRUE(disk_.order.empty());
}

TEST_F(OpQueueTest, TinyExtentsArePlannedAFewAtATime) {
  std::vector<Extent> extents;
  for (std::uint64_t i = 0; i < 100'000; ++i) extents.push_back({i * 3, 1});
  ModelFile tiny(ExtentMap(extents), IoAlignment{1, 1}, 1);
  disk_.queue.write(tiny, 1, 0, Bytes(memory_).first(extents.size()));
  disk_.start();
  disk_.run_all();
  EXPECT_EQ(disk_.order.size(), extents.size());
  EXPECT_EQ(disk_.queue.completions().size(), 1u);
}

}  // namespace
}  // namespace ezio
