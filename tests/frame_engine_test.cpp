#include "disk/frame_engine.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>

#include <ctime>
#include <fstream>
#include <map>
#include <random>

#include "bt/base/geometry.hpp"
#include "bt/frame/frame.hpp"
#include "disk/unique_fd.hpp"
#include "temp_directory.hpp"

namespace ezio {
namespace {

using Buffer = std::vector<std::byte>;
using Work = FrameCompletion::Work;

Buffer shrinking(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Buffer bytes(size);
  for (std::byte& byte : bytes) byte = std::byte(random() % 16);
  return bytes;
}

std::vector<FrameCompletion> wait_for(FrameEngine& engine, std::size_t count) {
  std::vector<FrameCompletion> done;
  while (done.size() < count) {
    pollfd wait{engine.event_fd(), POLLIN, 0};
    if (::poll(&wait, 1, 30'000) <= 0) break;
    engine.drain(done);
  }
  EXPECT_EQ(done.size(), count);
  return done;
}

TEST(FrameEngine, PacksManyAtOnceAndUnpacksThemAgain) {
  constexpr std::size_t count = 24;
  FrameEngine engine(3, default_frame_level);
  EXPECT_EQ(engine.threads(), 3u);
  std::vector<Buffer> plain, frames(count, Buffer(MiB)), unpacked(count, Buffer(MiB));
  for (unsigned i = 0; i < count; ++i) plain.push_back(shrinking(MiB, i));
  for (std::size_t i = 0; i < count; ++i) engine.pack(i, plain[i], frames[i]);
  std::map<std::uint64_t, SegmentFrame> made;
  for (const FrameCompletion& done : wait_for(engine, count)) {
    EXPECT_EQ(done.work, Work::pack);
    EXPECT_GT(done.took.count(), 0);
    made[done.token] = done.frame;
  }
  ASSERT_EQ(made.size(), count);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_GT(made[i].bytes, 0u);
    EXPECT_EQ(made[i].id, frame_id(Bytes(frames[i]).first(made[i].bytes)));
    engine.unpack(i, Bytes(frames[i]).first(made[i].bytes), unpacked[i]);
  }
  for (const FrameCompletion& done : wait_for(engine, count)) {
    EXPECT_EQ(done.work, Work::unpack);
    EXPECT_TRUE(done.good);
  }
  EXPECT_EQ(unpacked, plain);
}

// Threads that share a processor do not take longer for it.
TEST(FrameEngine, CountsTheProcessorsTimeNotTheClocks) {
  cpu_set_t before, one;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  CPU_SET(::sched_getcpu(), &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);  // the engine's threads get it from this one
  constexpr std::size_t count = 4;
  std::clock_t process = std::clock();
  Duration threads{};
  {
    FrameEngine engine(count, greatest_frame_level);  // many time slices a segment
    const Buffer plain = shrinking(256 * KiB, 1);
    std::vector<Buffer> frames(count, Buffer(plain.size()));
    for (std::size_t i = 0; i < count; ++i) engine.pack(i, plain, frames[i]);
    for (const FrameCompletion& done : wait_for(engine, count)) threads += done.took;
  }
  process = std::clock() - process;
  EXPECT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_LE(std::chrono::duration<double>(threads).count(), static_cast<double>(process) / CLOCKS_PER_SEC);
}

TEST(FrameEngine, SaysThatSomethingDoesNotShrinkOrIsNoFrame) {
  FrameEngine engine(1, default_frame_level);
  std::mt19937 random(1);
  Buffer noise(MiB), frame(MiB), plain(MiB);
  for (std::byte& byte : noise) byte = std::byte(random());
  engine.pack(1, noise, frame);
  EXPECT_FALSE(wait_for(engine, 1)[0].frame);
  engine.unpack(2, noise, plain);
  EXPECT_FALSE(wait_for(engine, 1)[0].good);
}

TEST(FrameEngine, LoadsAStoredFrameAsItIs) {
  FrameEngine engine(1, default_frame_level);
  TempDirectory directory;
  const std::string path = directory.path("stored");
  const Buffer stored = shrinking(300'000, 5);
  {
    std::ofstream file(path, std::ios::binary);
    file.write("in front", 8);
    file.write(reinterpret_cast<const char*>(stored.data()), static_cast<std::streamsize>(stored.size()));
  }
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Buffer frame(MiB);
  engine.load(1, {fd.get(), 8, stored.size(), {}}, frame);
  const FrameCompletion whole = wait_for(engine, 1)[0];
  EXPECT_EQ(whole.error, "");
  EXPECT_EQ(whole.frame, (SegmentFrame{frame_id(stored), static_cast<std::uint32_t>(stored.size())}));
  EXPECT_TRUE(std::equal(stored.begin(), stored.end(), frame.begin()));
  engine.load(2, {fd.get(), 9, stored.size(), {}}, frame);
  const FrameCompletion cut = wait_for(engine, 1)[0];
  EXPECT_NE(cut.error, "");
  EXPECT_FALSE(cut.frame);
}

TEST(FrameEngine, MayEndWithWorkWaiting) {
  const Buffer plain = shrinking(MiB, 1);
  std::vector<Buffer> frames(50, Buffer(MiB));
  FrameEngine engine(2, default_frame_level);
  for (std::size_t i = 0; i < frames.size(); ++i) engine.pack(i, plain, frames[i]);
}

}  // namespace
}  // namespace ezio
