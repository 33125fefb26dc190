#include "disk/write_plan.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "disk_model.hpp"

namespace ezio {
namespace {

using namespace test;
using Direction = PlanCursor::Direction;

constexpr IoAlignment direct512{512, 512};

std::vector<DiskOp> plan(const ExtentMap& map, Direction direction, IoAlignment alignment,
                         std::uint64_t offset, std::byte* memory, std::uint64_t length) {
  std::vector<DiskOp> ops;
  for (PlanCursor cursor(map, direction, alignment, offset, memory, length); !cursor.done();) {
    ops.push_back(cursor.next());
  }
  return ops;
}

class WritePlan : public testing::Test {
 protected:
  static constexpr std::size_t memory_bytes = 4 * MiB;
  alignas(4096) static inline std::byte memory_[memory_bytes];
};

TEST_F(WritePlan, AlignedRunsGoDirectInTransfersOfAMebibyte) {
  const ExtentMap map(std::vector<Extent>{{512, 2 * MiB + 512}});
  const auto ops = plan(map, Direction::write, direct512, 0, memory_, 2 * MiB + 512);
  ASSERT_EQ(ops.size(), 3u);
  EXPECT_EQ(ops[0].offset, 512u);
  EXPECT_EQ(ops[0].length, MiB);
  EXPECT_EQ(ops[2].length, 512u);
  for (const DiskOp& op : ops) EXPECT_FALSE(op.bounced);
  EXPECT_EQ(ops[1].memory, memory_ + MiB);
}

TEST_F(WritePlan, NeighbouringExtentsAreOneTransfer) {
  const ExtentMap map(std::vector<Extent>{{0, 4096}, {4096, 8192}, {12288, 4096}});
  EXPECT_EQ(plan(map, Direction::write, direct512, 0, memory_, 16384).size(), 1u);
}

TEST_F(WritePlan, PartsOfSectorsAreEdges) {
  const ExtentMap map(std::vector<Extent>{{500, 1100}});  // bytes 500...1599: 12 + 1024 + 64
  const auto ops = plan(map, Direction::write, direct512, 0, memory_ + 500, 1100);
  ASSERT_EQ(ops.size(), 3u);
  EXPECT_EQ(ops[0].kind, OpKind::edge);
  EXPECT_EQ(ops[0].skip, 500u);
  EXPECT_EQ(ops[0].useful, 12u);
  EXPECT_EQ(ops[1].kind, OpKind::write);
  EXPECT_FALSE(ops[1].bounced);
  EXPECT_EQ(ops[1].length, 1024u);
  EXPECT_EQ(ops[2].kind, OpKind::edge);
  EXPECT_EQ(ops[2].offset, 1536u);
  EXPECT_EQ(ops[2].useful, 64u);
}

TEST_F(WritePlan, UnalignedMemoryIsBounced) {
  const ExtentMap map(std::vector<Extent>{{0, 1 * MiB}});
  for (Direction direction : {Direction::read, Direction::write}) {
    const auto ops = plan(map, direction, direct512, 0, memory_ + 1, 1 * MiB);
    EXPECT_EQ(ops.size(), MiB / bounce_bytes);
    for (const DiskOp& op : ops) EXPECT_TRUE(op.bounced);
  }
}

TEST_F(WritePlan, AReadGoesDirectFromTheFirstWholeSectorWhereMemoryAllows) {
  const ExtentMap map(std::vector<Extent>{{500, 1100}});
  const auto ops = plan(map, Direction::read, direct512, 0, memory_ + 500, 1100);
  ASSERT_EQ(ops.size(), 3u);
  EXPECT_TRUE(ops[0].bounced);
  EXPECT_EQ(ops[0].length, 512u);
  EXPECT_FALSE(ops[1].bounced);
  EXPECT_EQ(ops[1].length, 1024u);
  EXPECT_TRUE(ops[2].bounced);
}

TEST_F(WritePlan, BufferedFilesTakeEverythingAsItIs) {
  const ExtentMap map(std::vector<Extent>{{501, 1101}});
  for (Direction direction : {Direction::read, Direction::write}) {
    const auto ops = plan(map, direction, IoAlignment{}, 3, memory_ + 77, 1000);
    ASSERT_EQ(ops.size(), 1u);
    EXPECT_EQ(ops[0].offset, 504u);
    EXPECT_EQ(ops[0].length, 1000u);
    EXPECT_FALSE(ops[0].bounced);
  }
}

TEST_F(WritePlan, AnEmptyRequestPlansNothing) {
  const ExtentMap map(std::vector<Extent>{{0, 512}});
  EXPECT_TRUE(plan(map, Direction::write, direct512, 512, memory_, 0).empty());
}

// What the kernel demands of a transfer, and what the plan promises of its steps.
void expect_valid(const DiskOp& op, IoAlignment alignment, std::uint64_t device_bytes) {
  EXPECT_EQ(op.offset % alignment.sector, 0u);
  EXPECT_EQ(op.length % alignment.sector, 0u);
  EXPECT_LE(op.offset + op.length, device_bytes);
  EXPECT_LE(op.length, op.bounced ? bounce_bytes : max_transfer_bytes);
  EXPECT_LE(op.skip + op.useful, op.length);
  EXPECT_GT(op.useful, 0u);
  if (!op.bounced) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(op.memory) % alignment.memory, 0u);
    EXPECT_EQ(op.useful, op.length);
  }
  if (op.kind == OpKind::edge) {
    EXPECT_EQ(op.length, alignment.sector);
    EXPECT_LT(op.useful, op.length);
  }
  if (op.kind == OpKind::write) {
    EXPECT_EQ(op.useful, op.length);
  }
}

void apply(const DiskOp& op, std::vector<std::byte>& device) {
  std::byte* useful = device.data() + op.offset + op.skip;
  if (op.kind == OpKind::read) {
    std::memcpy(op.memory, useful, op.useful);
  } else {
    std::memcpy(useful, op.memory, op.useful);
  }
}

struct Shape {
  IoAlignment alignment;
  std::uint64_t max_length, max_gap, max_request;
};

class WritePlanProperty : public testing::TestWithParam<Shape> {};

TEST_P(WritePlanProperty, RandomRequestsDoWhatAByteByByteModelDoes) {
  constexpr std::uint64_t device_bytes = 512 * KiB;
  const Shape shape = GetParam();
  for (unsigned seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const auto extents = random_extents(random, device_bytes, shape.max_length, shape.max_gap);
    const std::uint64_t total = length_of(extents);
    const ExtentMap map(extents);
    std::vector<std::byte> device = old_device(device_bytes);
    const std::vector<std::byte> torrent = torrent_bytes(total);
    std::vector<std::byte> memory(shape.max_request + 8192);
    for (Direction direction : {Direction::write, Direction::read}) {
      for (const Range& range : random_cut(random, total, shape.max_request)) {
        const std::size_t misplaced = between(random, 0, 1) * between(random, 0, 4096);
        auto* page =
            reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(memory.data()) + 4095) & ~4095ull);
        std::byte* data = page + misplaced;
        const std::byte* expected = torrent.data() + range.offset;
        if (direction == Direction::write) std::memcpy(data, expected, range.length);
        std::uint64_t covered = 0;
        for (const DiskOp& op : plan(map, direction, shape.alignment, range.offset, data, range.length)) {
          expect_valid(op, shape.alignment, device_bytes);
          EXPECT_EQ(op.memory, data + covered);
          covered += op.useful;
          apply(op, device);
        }
        ASSERT_EQ(covered, range.length) << "seed " << seed;
        ASSERT_EQ(std::memcmp(data, expected, range.length), 0) << "seed " << seed;
        std::memset(data, 0, range.length);
      }
      ASSERT_EQ(first_difference(device, written_device(device_bytes, extents)), device_bytes)
          << "seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, WritePlanProperty,
                         testing::Values(Shape{{512, 512}, 20000, 3000, 70000},
                                         Shape{{4096, 512}, 20000, 9000, 70000},
                                         Shape{{4096, 4096}, 200000, 5000, 300000},
                                         Shape{{512, 4}, 700, 300, 2000}, Shape{{4096, 512}, 600, 100, 500},
                                         Shape{{512, 512}, 9, 3, 20}, Shape{{1, 1}, 20000, 3000, 70000}));

}  // namespace
}  // namespace ezio
