#include "bt/swarm/segment_pool.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace ezio {
namespace {

SegmentPool::Key key(std::uint32_t piece, std::uint32_t torrent = 0) {
  return {torrent, {PieceIndex{piece}, 0}};
}

// A buffer that holds the segment, pinned by nobody.
BufferId put(SegmentPool& pool, const SegmentPool::Key& segment) {
  const BufferId buffer = *pool.acquire();
  pool.cache(buffer, segment);
  pool.unpin(buffer);
  return buffer;
}

TEST(SegmentPool, AReleasedBufferThatIsBeingSentIsFreeWhenTheLastPinGoes) {
  SegmentPool pool(1);
  const BufferId buffer = *pool.acquire();
  pool.pin(buffer);
  pool.pin(buffer);
  pool.release(buffer);
  pool.unpin(buffer);
  EXPECT_EQ(pool.available(), 0u);
  pool.unpin(buffer);
  EXPECT_EQ(pool.acquire(), buffer);
}

TEST(SegmentPool, PinsOfAnOwnedBufferOutliveItsBeingCached) {
  SegmentPool pool(1);
  const BufferId buffer = *pool.acquire();
  pool.pin(buffer);
  pool.cache(buffer, key(1));
  pool.unpin(buffer);
  EXPECT_EQ(pool.acquire(), std::nullopt) << "still being sent";
  pool.unpin(buffer);
  EXPECT_TRUE(pool.is_cached(key(1)));
  EXPECT_EQ(pool.acquire(), buffer);
}

TEST(SegmentPool, ABufferThatIsBeingSentCountsOnceHoweverManyTakeItAndWhateverBecomesOfIt) {
  SegmentPool pool(2);
  const BufferId buffer = *pool.acquire();
  for (int i = 0; i < 2; ++i) {
    pool.pin(buffer);
    pool.begin_sending(buffer);
  }
  EXPECT_TRUE(pool.is_being_sent(buffer));
  EXPECT_EQ(pool.being_sent(), 1u);
  pool.release(buffer);
  for (const std::uint32_t left : {1u, 0u}) {
    EXPECT_EQ(pool.available(), 1u);
    pool.end_sending(buffer);
    pool.unpin(buffer);
    EXPECT_EQ(pool.being_sent(), left);
  }
  EXPECT_FALSE(pool.is_being_sent(buffer));
  EXPECT_EQ(pool.available(), 2u);
}

TEST(SegmentPool, AnOwnedBufferStaysOwnedWhenItsPinsGo) {
  SegmentPool pool(1);
  const BufferId buffer = *pool.acquire();
  pool.pin(buffer);
  pool.unpin(buffer);
  EXPECT_EQ(pool.acquire(), std::nullopt);
  pool.release(buffer);
  EXPECT_EQ(pool.acquire(), buffer);
}

TEST(SegmentPool, HandsOutEachBufferOnce) {
  SegmentPool pool(3);
  std::set<BufferId> buffers;
  for (int i = 0; i < 3; ++i) buffers.insert(*pool.acquire());
  EXPECT_EQ(buffers.size(), 3u);
  EXPECT_EQ(pool.available(), 0u);
  EXPECT_EQ(pool.acquire(), std::nullopt);
}

TEST(SegmentPool, AReleasedBufferIsHandedOutAgain) {
  SegmentPool pool(1);
  const BufferId buffer = *pool.acquire();
  pool.release(buffer);
  EXPECT_EQ(pool.available(), 1u);
  EXPECT_EQ(pool.acquire(), buffer);
}

TEST(SegmentPool, ACachedSegmentIsFoundAndStillAvailable) {
  SegmentPool pool(2);
  const BufferId buffer = put(pool, key(5));
  EXPECT_EQ(pool.available(), 2u);
  EXPECT_TRUE(pool.is_cached(key(5)));
  EXPECT_FALSE(pool.is_cached(key(5, 1))) << "another torrent's";
  EXPECT_EQ(pool.find_and_pin(key(5)), buffer);
  EXPECT_EQ(pool.find_and_pin(key(6)), std::nullopt);
}

TEST(SegmentPool, FreeBuffersAreUsedBeforeCachedOnes) {
  SegmentPool pool(2);
  put(pool, key(1));
  pool.acquire();
  EXPECT_TRUE(pool.is_cached(key(1)));
  pool.acquire();
  EXPECT_FALSE(pool.is_cached(key(1)));
}

TEST(SegmentPool, TheLeastRecentlyUsedSegmentGoesFirst) {
  SegmentPool pool(3);
  put(pool, key(1));
  put(pool, key(2));
  put(pool, key(3));
  pool.unpin(*pool.find_and_pin(key(1)));
  pool.acquire();
  EXPECT_FALSE(pool.is_cached(key(2)));
  pool.acquire();
  EXPECT_FALSE(pool.is_cached(key(3)));
  EXPECT_TRUE(pool.is_cached(key(1)));
}

TEST(SegmentPool, ATouchedSegmentGoesLast) {
  SegmentPool pool(2);
  put(pool, key(1));
  put(pool, key(2));
  pool.touch(key(1));
  pool.touch(key(7));
  EXPECT_EQ(pool.available(), 2u);
  pool.acquire();
  EXPECT_FALSE(pool.is_cached(key(2)));
  EXPECT_TRUE(pool.is_cached(key(1)));
}

TEST(SegmentPool, APinnedSegmentStaysUntilItsLastPinIsGone) {
  SegmentPool pool(1);
  const BufferId buffer = *pool.acquire();
  pool.cache(buffer, key(1));
  EXPECT_EQ(pool.find_and_pin(key(1)), buffer);
  pool.unpin(buffer);
  EXPECT_EQ(pool.acquire(), std::nullopt);
  pool.unpin(buffer);
  EXPECT_EQ(pool.acquire(), buffer);
  EXPECT_FALSE(pool.is_cached(key(1)));
}

TEST(SegmentPool, WhoeverWaitedIsToldOnceThatABufferIsThere) {
  SegmentPool pool(1);
  const BufferId buffer = *pool.acquire();
  pool.release(buffer);
  EXPECT_FALSE(pool.take_freed()) << "nobody waited";
  pool.acquire();
  EXPECT_EQ(pool.acquire(), std::nullopt);
  EXPECT_FALSE(pool.take_freed()) << "nothing is there yet";
  pool.release(buffer);
  EXPECT_TRUE(pool.take_freed());
  EXPECT_FALSE(pool.take_freed());
}

TEST(SegmentPool, AnUnpinnedSegmentCountsAsABufferThatIsThere) {
  SegmentPool pool(1);
  const BufferId buffer = *pool.acquire();
  pool.cache(buffer, key(1));
  pool.note_starved();
  pool.unpin(buffer);
  EXPECT_TRUE(pool.take_freed());
}

TEST(SegmentPool, ADroppedSegmentIsForgottenAfterItsLastPinOnly) {
  SegmentPool pool(2);
  const BufferId buffer = *pool.acquire();
  pool.cache(buffer, key(1));
  EXPECT_EQ(pool.find_and_pin(key(1)), buffer);
  pool.unpin_and_drop(buffer);
  EXPECT_TRUE(pool.is_cached(key(1)));
  EXPECT_EQ(pool.available(), 1u);
  pool.unpin_and_drop(buffer);
  EXPECT_FALSE(pool.is_cached(key(1)));
  EXPECT_EQ(pool.find_and_pin(key(1)), std::nullopt);
  EXPECT_EQ(pool.available(), 2u);
}

TEST(SegmentPool, WhoeverUnpinsLastSaysWhetherTheSegmentStays) {
  SegmentPool pool(2);
  for (const bool drop_first : {false, true}) {
    const BufferId buffer = *pool.acquire();
    pool.cache(buffer, key(1));
    pool.find_and_pin(key(1));
    if (drop_first) {
      pool.unpin_and_drop(buffer);
      pool.unpin(buffer);
    } else {
      pool.unpin(buffer);
      pool.unpin_and_drop(buffer);
    }
    EXPECT_EQ(pool.is_cached(key(1)), drop_first);
  }
}

TEST(SegmentPool, ADroppedSegmentCanBeCachedAgain) {
  SegmentPool pool(2);
  const BufferId first = *pool.acquire();
  pool.cache(first, key(1));
  pool.unpin_and_drop(first);
  const BufferId other = *pool.acquire();
  const BufferId second = *pool.acquire();
  EXPECT_EQ(other, first);
  pool.cache(second, key(1));
  EXPECT_EQ(pool.find_and_pin(key(1)), second);
}

TEST(SegmentPool, TheBufferFreedLastIsHandedOutFirst) {
  SegmentPool pool(6);
  const BufferId released = *pool.acquire();
  const BufferId dropped = *pool.acquire();
  pool.cache(dropped, key(1));
  put(pool, key(2));
  pool.release(released);
  pool.unpin_and_drop(dropped);
  EXPECT_EQ(pool.acquire(), dropped);
  EXPECT_EQ(pool.acquire(), released);
  EXPECT_TRUE(pool.is_cached(key(2))) << "there are free ones still";
}

TEST(SegmentPool, ADroppedSegmentCountsAsABufferThatIsThere) {
  SegmentPool pool(1);
  const BufferId buffer = *pool.acquire();
  pool.cache(buffer, key(1));
  pool.find_and_pin(key(1));
  EXPECT_EQ(pool.acquire(), std::nullopt);
  pool.unpin_and_drop(buffer);
  EXPECT_FALSE(pool.take_freed()) << "it is pinned still";
  pool.unpin_and_drop(buffer);
  EXPECT_TRUE(pool.take_freed());
  EXPECT_FALSE(pool.take_freed());
  EXPECT_EQ(pool.acquire(), buffer);
}

TEST(SegmentPool, NoBufferIsEverLostOrSharedThroughRandomUse) {
  SegmentPool pool(8);
  std::mt19937 random(7);
  std::vector<BufferId> owned;
  std::vector<BufferId> pinned;
  std::uint32_t next = 0;
  for (int i = 0; i < 20'000; ++i) {
    switch (random() % 5) {
      case 0:
      case 1:
        if (const auto buffer = pool.acquire()) owned.push_back(*buffer);
        break;
      case 2:
        if (owned.empty()) break;
        pool.release(owned.back());
        owned.pop_back();
        break;
      case 3:
        if (owned.empty()) break;
        pool.cache(owned.back(), key(next++));
        pinned.push_back(owned.back());
        owned.pop_back();
        break;
      default:
        if (pinned.empty()) break;
        if (random() % 2 == 0) {
          pool.unpin(pinned.back());
        } else {
          pool.unpin_and_drop(pinned.back());
        }
        pinned.pop_back();
    }
    std::set<BufferId> used(owned.begin(), owned.end());
    used.insert(pinned.begin(), pinned.end());
    ASSERT_EQ(used.size(), owned.size() + pinned.size());
    ASSERT_EQ(pool.available(), pool.capacity() - used.size());
  }
}

}  // namespace
}  // namespace ezio
