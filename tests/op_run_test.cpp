#include "disk/op_run.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "disk_model.hpp"

namespace ezio {
namespace {

using namespace test;

std::vector<std::byte> filled(std::size_t bytes, int value) {
  return std::vector<std::byte>(bytes, static_cast<std::byte>(value));
}

TEST(OpRun, AShortWriteContinuesWhereItStopped) {
  std::vector<std::byte> memory(4096);
  OpRun run({.kind = OpKind::write, .offset = 8192, .length = 4096, .useful = 4096, .memory = memory.data()},
            512, nullptr);
  ASSERT_TRUE(run.advance(1024));
  EXPECT_EQ(run.transfer().offset, 8192u + 1024);
  EXPECT_EQ(run.transfer().length, 3072u);
  EXPECT_EQ(run.transfer().memory, memory.data() + 1024);
  EXPECT_FALSE(run.advance(3072));
  EXPECT_TRUE(run.status().ok());
}

TEST(OpRun, ATransferTornInsideASectorRepeatsTheSector) {
  std::vector<std::byte> memory(4096);
  OpRun run({.kind = OpKind::write, .length = 4096, .useful = 4096, .memory = memory.data()}, 512, nullptr);
  ASSERT_TRUE(run.advance(1000));
  EXPECT_EQ(run.transfer().offset, 512u);
  EXPECT_EQ(run.transfer().length, 4096u - 512);
}

TEST(OpRun, TheEndOfAFileIsEio) {
  std::vector<std::byte> memory(4096);
  OpRun run({.kind = OpKind::read, .offset = 4096, .length = 4096, .useful = 4096, .memory = memory.data()},
            512, nullptr);
  ASSERT_TRUE(run.advance(512));
  unsigned calls = 1;
  while (run.advance(0)) ++calls;
  EXPECT_LE(calls, OpRun::max_stalls);
  EXPECT_EQ(run.status().error, EIO);
  EXPECT_EQ(run.status().device_offset, 4096u + 512);
}

TEST(OpRun, ABouncedReadNeedsNoMoreThanItsUsefulBytes) {
  std::vector<std::byte> memory(100), bounce(512);
  bounce[99] = std::byte{7};
  OpRun run({.kind = OpKind::read, .bounced = true, .length = 512, .useful = 100, .memory = memory.data()},
            512, bounce.data());
  EXPECT_FALSE(run.advance(100));
  EXPECT_TRUE(run.status().ok());
  EXPECT_EQ(memory[99], std::byte{7});
}

TEST(OpRun, ErrorsAreReportedWithErrnoAndOffset) {
  std::vector<std::byte> memory(1024);
  OpRun run({.kind = OpKind::write, .offset = 1024, .length = 1024, .useful = 1024, .memory = memory.data()},
            512, nullptr);
  ASSERT_TRUE(run.advance(512));
  EXPECT_FALSE(run.advance(-ENOSPC));
  EXPECT_EQ(run.status().error, ENOSPC);
  EXPECT_EQ(run.status().device_offset, 1536u);
}

TEST(OpRun, InterruptedTransfersAreRepeatedButNotForever) {
  std::vector<std::byte> memory(512);
  const DiskOp op{.kind = OpKind::write, .length = 512, .useful = 512, .memory = memory.data()};
  OpRun run(op, 512, nullptr);
  EXPECT_TRUE(run.advance(-EINTR));
  EXPECT_TRUE(run.advance(-EAGAIN));
  EXPECT_FALSE(run.advance(512));
  EXPECT_TRUE(run.status().ok());
  OpRun stuck(op, 512, nullptr);
  unsigned calls = 1;
  while (stuck.advance(-EAGAIN)) ++calls;
  EXPECT_EQ(calls, OpRun::max_stalls);
  EXPECT_EQ(stuck.status().error, EAGAIN);
}

TEST(OpRun, AnEdgeWritesBackTheBytesThatItDoesNotOwn) {
  std::vector<std::byte> memory = filled(10, 1), sector = filled(512, 2), bounce(512);
  OpRun run({.kind = OpKind::edge,
             .bounced = true,
             .offset = 512,
             .length = 512,
             .skip = 100,
             .useful = 10,
             .memory = memory.data()},
            512, bounce.data());
  ASSERT_EQ(run.transfer().kind, Transfer::Kind::read);
  std::memcpy(run.transfer().memory, sector.data(), 512);
  ASSERT_TRUE(run.advance(512));
  ASSERT_EQ(run.transfer().kind, Transfer::Kind::write);
  EXPECT_EQ(run.transfer().length, 512u);
  std::memset(sector.data() + 100, 1, 10);
  EXPECT_EQ(std::memcmp(run.transfer().memory, sector.data(), 512), 0);
  EXPECT_FALSE(run.advance(512));
  EXPECT_TRUE(run.status().ok());
}

TEST(OpRun, AnEdgeWhoseReadFailsWritesNothing) {
  std::vector<std::byte> memory(10), bounce(512);
  OpRun run({.kind = OpKind::edge,
             .bounced = true,
             .offset = 512,
             .length = 512,
             .useful = 10,
             .memory = memory.data()},
            512, bounce.data());
  EXPECT_FALSE(run.advance(-EIO));
  EXPECT_EQ(run.status().error, EIO);
  EXPECT_EQ(run.status().device_offset, 512u);
}

TEST(OpRun, AnEdgeIsNotWrittenFromAShortRead) {
  std::vector<std::byte> memory(10), bounce(512);
  OpRun run({.kind = OpKind::edge, .bounced = true, .length = 512, .useful = 10, .memory = memory.data()},
            512, bounce.data());
  ASSERT_TRUE(run.advance(300));
  EXPECT_EQ(run.transfer().kind, Transfer::Kind::read);
}

TEST(OpRun, AFailedFlushIsAFailure) {
  OpRun run({.kind = OpKind::flush}, 512, nullptr);
  EXPECT_EQ(run.transfer().kind, Transfer::Kind::sync);
  EXPECT_FALSE(run.advance(-EIO));
  EXPECT_EQ(run.status().error, EIO);
}

TEST(OpRun, ZerosAreMadeByTheFirstWayThatIsNotRefused) {
  using Kind = Transfer::Kind;
  const DiskOp op{.kind = OpKind::zero, .offset = 4096, .length = 2 * MiB + 512, .useful = 2 * MiB + 512};
  OpRun punched(op, 512, nullptr);
  EXPECT_EQ(punched.transfer().kind, Kind::punch_hole);
  EXPECT_EQ(punched.transfer().length, 2 * MiB + 512);
  EXPECT_FALSE(punched.advance(0));

  OpRun run(op, 512, nullptr);
  ASSERT_TRUE(run.advance(-EOPNOTSUPP));
  EXPECT_EQ(run.transfer().kind, Kind::zero_range);
  ASSERT_TRUE(run.advance(-EINTR));
  ASSERT_TRUE(run.advance(-ENOTTY)) << "whatever the reason";
  std::uint64_t written = 0;
  bool more = true;
  while (more) {
    const Transfer transfer = run.transfer();
    ASSERT_EQ(transfer.kind, Kind::write);
    EXPECT_EQ(transfer.offset, 4096 + written);
    EXPECT_LE(transfer.length, max_transfer_bytes);
    for (std::uint32_t i = 0; i < transfer.length; i += 511) ASSERT_EQ(transfer.memory[i], std::byte{0});
    written += transfer.length;
    more = run.advance(transfer.length);
  }
  EXPECT_EQ(written, op.length);
  EXPECT_TRUE(run.status().ok());
}

TEST(OpRun, ADeviceThatCannotWriteZerosEitherSaysSo) {
  OpRun run({.kind = OpKind::zero, .offset = 4096, .length = 4096, .useful = 4096}, 512, nullptr);
  ASSERT_TRUE(run.advance(-EIO));
  ASSERT_TRUE(run.advance(-EIO));
  EXPECT_FALSE(run.advance(-EIO));
  EXPECT_EQ(run.status().error, EIO);
  EXPECT_EQ(run.status().device_offset, 4096u);
}

TEST(OpRun, AFlushThatForgetsIsAFlushFirst) {
  OpRun run({.kind = OpKind::flush_and_forget}, 512, nullptr);
  ASSERT_EQ(run.transfer().kind, Transfer::Kind::sync);
  ASSERT_TRUE(run.advance(0));
  EXPECT_EQ(run.transfer().kind, Transfer::Kind::forget);
  EXPECT_FALSE(run.advance(-EINVAL)) << "a hint";
  EXPECT_TRUE(run.status().ok());
  OpRun failed({.kind = OpKind::flush_and_forget}, 512, nullptr);
  EXPECT_FALSE(failed.advance(-EIO));
  EXPECT_EQ(failed.status().error, EIO);
}

TEST(OpRun, AnySequenceOfShortTransfersMovesEveryByte) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Random random(seed);
    std::vector<std::byte> device = old_device(16384);
    std::vector<std::byte> memory = torrent_bytes(8192), bounce(8192);
    const bool bounced = seed % 2 == 0;
    const DiskOp op{.kind = seed % 4 < 2 ? OpKind::read : OpKind::write,
                    .bounced = bounced,
                    .offset = 4096,
                    .length = 8192,
                    .useful = 8192,
                    .memory = memory.data()};
    OpRun run(op, 512, bounce.data());
    bool more = true;
    while (more) {
      const Transfer transfer = run.transfer();
      const std::uint64_t bytes =
          between(random, 0, 1) == 0 ? transfer.length : between(random, 0, transfer.length);
      if (transfer.kind == Transfer::Kind::read) {
        std::memcpy(transfer.memory, device.data() + transfer.offset, bytes);
      } else {
        std::memcpy(device.data() + transfer.offset, transfer.memory, bytes);
      }
      more = run.advance(static_cast<std::int64_t>(bytes));
    }
    ASSERT_TRUE(run.status().ok());
    ASSERT_EQ(std::memcmp(device.data() + 4096, memory.data(), 8192), 0) << "seed " << seed;
  }
}

}  // namespace
}  // namespace ezio
