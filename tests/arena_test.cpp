#include "disk/arena.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace ezio {
namespace {

constexpr std::uint32_t buffer_bytes = 1 * MiB;

// Never the same in the same place of two buffers, and never 0.
std::byte pattern(std::uint32_t buffer) {
  return static_cast<std::byte>(buffer % 255 + 1);
}

TEST(Arena, CutsItsMemoryIntoEqualBuffers) {
  const Arena arena(5, 3000);
  EXPECT_EQ(arena.bytes().size(), 15'000u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena.bytes().data()) % (2 * MiB), 0u);
  for (std::uint32_t i = 0; i < 5; ++i) {
    EXPECT_EQ(arena.buffer(BufferId{i}).data(), arena.bytes().data() + i * 3000);
    EXPECT_EQ(arena.buffer(BufferId{i}).size(), 3000u);
  }
}

TEST(Arena, CanGoWhileItIsBeingCommitted) {
  for (int i = 0; i < 50; ++i) {
    Arena arena(64, buffer_bytes);
    arena.commit_in_background();
    // Now at once, now a little later.
    for (int used = 0; used < i % 4; ++used) arena.buffer(BufferId{63})[used] = std::byte{1};
  }
}

TEST(Arena, BytesWrittenWhileItIsBeingCommittedStay) {
  constexpr std::uint32_t buffers = 65;  // not a multiple of a huge page
  for (const bool backwards : {false, true}) {
    Arena arena(buffers, buffer_bytes);
    arena.commit_in_background();
    for (std::uint32_t i = 0; i < buffers; ++i) {
      const std::uint32_t buffer = backwards ? buffers - 1 - i : i;
      std::ranges::fill(arena.buffer(BufferId{buffer}), pattern(buffer));
    }
    // Each looked at while it may still go on, and once more a whole round later.
    for (int round = 0; round < 2; ++round) {
      for (std::uint32_t i = 0; i < buffers; ++i) {
        ASSERT_TRUE(std::ranges::all_of(arena.buffer(BufferId{i}),
                                        [&](std::byte byte) { return byte == pattern(i); }))
            << "buffer " << i;
      }
    }
  }
}

TEST(Arena, MemoryThatNobodyWroteIsZeroCommittedOrNot) {
  Arena arena(9, buffer_bytes);
  arena.commit_in_background();
  EXPECT_TRUE(std::ranges::all_of(arena.bytes(), [](std::byte byte) { return byte == std::byte{}; }));
}

TEST(Arena, OneSmallerThanAHugePageCanBeCommitted) {
  Arena arena(1, 5000);
  arena.commit_in_background();
  std::ranges::fill(arena.bytes(), std::byte{7});
  EXPECT_EQ(std::ranges::count(arena.bytes(), std::byte{7}), 5000);
}

}  // namespace
}  // namespace ezio
