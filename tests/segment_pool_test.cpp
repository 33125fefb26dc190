#include "bt/segment_pool.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

SegmentPool::Key key(std::uint32_t piece, std::uint32_t torrent = 0) {
  return {torrent, {PieceIndex{piece}, 0}};
}

// Caches `piece` unpinned.
BufferId cached(SegmentPool& pool, std::uint32_t piece) {
  const BufferId buffer = *pool.acquire();
  pool.cache(buffer, key(piece));
  pool.unpin(buffer);
  return buffer;
}

TEST(SegmentPool, HandsOutEachBufferOnce) {
  SegmentPool pool(2);
  const BufferId a = *pool.acquire();
  const BufferId b = *pool.acquire();
  EXPECT_NE(a, b);
  EXPECT_FALSE(pool.acquire());
  pool.release(a);
  EXPECT_EQ(pool.acquire(), a);
}

TEST(SegmentPool, FindsWhatIsCachedUnderItsTorrentOnly) {
  SegmentPool pool(2);
  const BufferId buffer = cached(pool, 5);
  EXPECT_EQ(pool.find_and_pin(key(5)), buffer);
  EXPECT_FALSE(pool.find_and_pin(key(5, 1)));
  EXPECT_FALSE(pool.find_and_pin(key(6)));
}

TEST(SegmentPool, EvictsTheLeastRecentlyUsed) {
  SegmentPool pool(2);
  const BufferId first = cached(pool, 1);
  const BufferId second = cached(pool, 2);
  pool.unpin(*pool.find_and_pin(key(1)));  // now 2 is the older one
  EXPECT_EQ(pool.acquire(), second);
  EXPECT_FALSE(pool.is_cached(key(2)));
  EXPECT_TRUE(pool.is_cached(key(1)));
  EXPECT_EQ(pool.acquire(), first);
}

TEST(SegmentPool, KeepsWhatIsPinnedUntilTheLastPinGoes) {
  SegmentPool pool(1);
  const BufferId buffer = *pool.acquire();
  pool.cache(buffer, key(1));  // pinned once
  ASSERT_TRUE(pool.find_and_pin(key(1)));
  pool.unpin(buffer);
  EXPECT_EQ(pool.available(), 0u);
  EXPECT_FALSE(pool.acquire());
  pool.unpin(buffer);
  EXPECT_EQ(pool.available(), 1u);
  EXPECT_EQ(pool.acquire(), buffer);
}

TEST(SegmentPool, TellsOnceWhenAWaiterMayTryAgain) {
  SegmentPool pool(1);
  const BufferId buffer = *pool.acquire();
  pool.release(buffer);
  EXPECT_FALSE(pool.take_freed()) << "nobody had come away empty";
  (void)pool.acquire();
  EXPECT_FALSE(pool.acquire());
  EXPECT_FALSE(pool.take_freed());
  pool.release(buffer);
  EXPECT_TRUE(pool.take_freed());
  EXPECT_FALSE(pool.take_freed());
}

}  // namespace
}  // namespace ezio
