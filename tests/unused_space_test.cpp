// What may be discarded, held against a model that looks at each byte.
#include "disk/unused_space.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "bt/metainfo/metainfo.hpp"

namespace ezio {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kept = kept_at_end_bytes;

TEST(UnusedSpace, IsWhatLiesBetweenExtentsInWholeUnits) {
  const std::vector<Extent> extents{{0, 10}, {30, 5}, {35, 5}, {100, 1}};
  EXPECT_THAT(unused_space(extents, 0, {1, 0}, 1), ElementsAre(Extent{10, 20}, Extent{40, 60}));
  EXPECT_THAT(unused_space(extents, 0, {8, 0}, 1), ElementsAre(Extent{16, 8}, Extent{40, 56}));
  EXPECT_THAT(unused_space(extents, 0, {8, 3}, 1), ElementsAre(Extent{11, 16}, Extent{43, 56}));
  EXPECT_THAT(unused_space(extents, 0, {8, 0}, 9), ElementsAre(Extent{40, 56}));
  EXPECT_THAT(unused_space(extents, 0, {64, 0}, 1), IsEmpty()) << "40 to 100 has no whole unit";
}

TEST(UnusedSpace, BeforeTheFirstExtentNothingIsUnused) {
  EXPECT_THAT(unused_space(std::vector<Extent>{{1000, 10}}, 0, {1, 0}, 1), IsEmpty());
}

TEST(UnusedSpace, BehindTheLastExtentItEndsBeforeTheFileSystemDoes) {
  const std::vector<Extent> extents{{0, 10}};
  EXPECT_THAT(unused_space(extents, 10, {1, 0}, 1), IsEmpty()) << "its end is not known";
  EXPECT_THAT(unused_space(extents, 10 + kept, {1, 0}, 1), IsEmpty());
  EXPECT_THAT(unused_space(extents, 11 + kept, {1, 0}, 1), ElementsAre(Extent{10, 1}));
  EXPECT_THAT(unused_space(extents, 1000 + kept, {512, 0}, 1), IsEmpty());
  EXPECT_THAT(unused_space(extents, 1024 + kept, {512, 0}, 1), ElementsAre(Extent{512, 512}));
}

TEST(UnusedSpace, OfAnImageOfEverythingThereIsNone) {
  EXPECT_THAT(unused_space(std::vector<Extent>{{0, 1 << 30}}, 1 << 30, {512, 0}), IsEmpty());
}

TEST(UnusedSpace, AtTheFarEndOfTheLargestDeviceNothingOverflows) {
  const std::uint64_t end = max_device_bytes - 1;
  const std::vector<Extent> extents{{0, 1}, {end - 1, 1}};
  for (const DiscardUnits units :
       {DiscardUnits{1, 0}, DiscardUnits{4096, 512}, DiscardUnits{std::uint64_t{1} << 62, 1},
        DiscardUnits{std::uint64_t{1} << 63, (std::uint64_t{1} << 63) - 1}}) {
    for (const Extent& range : unused_space(extents, end, units, 1)) {
      EXPECT_GE(range.offset, 1u);
      EXPECT_LE(range.offset + range.length, end - 1);
    }
  }
}

// The kernel's demand is the sector, the device's wish are the other two.
TEST(DiscardUnits, AreTheDevicesWhereTheyAreMultiplesOfItsSector) {
  EXPECT_EQ(discard_units(4096, 0, 512), (DiscardUnits{4096, 0}));
  EXPECT_EQ(discard_units(4096, 3584, 512), (DiscardUnits{4096, 3584}));
  EXPECT_EQ(discard_units(4096, 8192 + 512, 512), (DiscardUnits{4096, 512}));
  EXPECT_EQ(discard_units(3 * 512, 0, 512), (DiscardUnits{3 * 512, 0}));
  EXPECT_EQ(discard_units(0, 0, 512), (DiscardUnits{512, 0}));
  EXPECT_EQ(discard_units(512, 0, 4096), (DiscardUnits{4096, 0}));
  EXPECT_EQ(discard_units(8192, 512, 4096), (DiscardUnits{4096, 0}));
}

// ---- random cases: a device of a few hundred bytes, each of which is looked at

struct Case {
  std::vector<Extent> extents;
  std::uint64_t end = 0;  // of the file system, in front of the bytes that are kept at it
  DiscardUnits units;
  std::uint64_t least = 1;
};

class Cases {
 public:
  explicit Cases(std::uint32_t seed) : random_(seed) {}

  Case next() {
    Case made;
    std::uint64_t position = below(20);
    for (std::uint64_t i = below(12); i < 12; ++i) {
      const std::uint64_t length = 1 + below(below(4) == 0 ? 100 : 10);
      made.extents.push_back({position, length});
      position += length + (below(3) == 0 ? 0 : below(below(4) == 0 ? 200 : 30));
    }
    if (below(3) == 0) std::shuffle(made.extents.begin(), made.extents.end(), random_);
    made.end = below(3) == 0 ? 0 : position + below(100);
    made.units.size = 1 + below(below(2) == 0 ? 8 : 70);
    made.units.first = below(made.units.size);
    made.least = 1 + below(below(2) == 0 ? 2 : 60);
    return made;
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::mt19937 random_;
};

std::uint64_t last_byte_end(const std::vector<Extent>& extents) {
  std::uint64_t end = 0;
  for (const Extent& extent : extents) end = std::max(end, extent.offset + extent.length);
  return end;
}

// By byte: whether it may be discarded, units and lengths aside.
std::vector<bool> free_bytes(const Case& c) {
  const std::uint64_t last = last_byte_end(c.extents);
  std::vector<bool> free(std::max(last, c.end) + 100, false);
  std::uint64_t first = last;
  for (const Extent& extent : c.extents) first = std::min(first, extent.offset);
  for (std::uint64_t byte = first; byte < std::max(last, c.end); ++byte) free[byte] = true;
  for (const Extent& extent : c.extents) {
    for (std::uint64_t byte = 0; byte < extent.length; ++byte) free[extent.offset + byte] = false;
  }
  return free;
}

// What the rules say, found by looking at each unit: maximal runs of units all of whose bytes are free.
std::vector<Extent> by_the_rules(const Case& c) {
  const std::vector<bool> free = free_bytes(c);
  std::vector<Extent> found;
  for (std::uint64_t unit = c.units.first; unit + c.units.size <= free.size(); unit += c.units.size) {
    bool all = true;
    for (std::uint64_t byte = unit; byte < unit + c.units.size; ++byte) all = all && free[byte];
    if (!all) continue;
    if (!found.empty() && found.back().offset + found.back().length == unit) {
      found.back().length += c.units.size;
    } else {
      found.push_back({unit, c.units.size});
    }
  }
  std::erase_if(found, [&](const Extent& range) { return range.length < c.least; });
  return found;
}

TEST(UnusedSpace, NoByteOfAnExtentIsEverInItAndNoWholeUnitBesideThemIsMissing) {
  for (std::uint32_t seed = 0; seed < 30'000; ++seed) {
    const Case c = Cases(seed).next();
    const auto found = unused_space(c.extents, c.end == 0 ? 0 : c.end + kept, c.units, c.least);
    ASSERT_EQ(found, by_the_rules(c)) << "seed " << seed;
    const std::vector<bool> free = free_bytes(c);
    for (const Extent& range : found) {
      ASSERT_EQ((range.offset - c.units.first) % c.units.size, 0u) << "seed " << seed;
      ASSERT_EQ(range.length % c.units.size, 0u) << "seed " << seed;
      for (std::uint64_t byte = range.offset; byte < range.offset + range.length; ++byte) {
        ASSERT_TRUE(byte < free.size() && free[byte]) << "seed " << seed << ", byte " << byte;
      }
    }
  }
}

// The same of sizes that devices have.
TEST(UnusedSpace, OfRealSizesNoRangeMeetsAnExtent) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t bound) { return random() % bound; };
    const std::uint64_t block = std::uint64_t{512} << below(8);
    std::vector<Extent> extents;
    std::uint64_t position = below(2) * block;
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t length = block * (1 + below(1000));
      extents.push_back({position, length});
      position += length + block * below(below(5) == 0 ? 2'000'000 : 300);
    }
    const std::uint64_t sector = below(2) == 0 ? 512 : 4096;
    const DiscardUnits units = discard_units(sector << below(14), sector * below(100), sector);
    const std::uint64_t end = position + below(1'000'000'000);
    const auto ranges = unused_space(extents, end, units);
    EXPECT_THAT(ranges, testing::Not(IsEmpty())) << "seed " << seed;
    for (const Extent& range : ranges) {
      ASSERT_EQ(range.offset % sector, 0u) << "seed " << seed;
      ASSERT_EQ(range.length % sector, 0u) << "seed " << seed;
      ASSERT_GE(range.length, least_discard_bytes) << "seed " << seed;
      ASSERT_LE(range.offset + range.length, end - kept) << "seed " << seed;
      for (const Extent& extent : extents) {
        ASSERT_TRUE(range.offset + range.length <= extent.offset ||
                    extent.offset + extent.length <= range.offset)
            << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace ezio
