// What of a partition table is enlarged, and what never is.
#include "disk/grow_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ezio {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t mib = 2048;  // sectors

GrowTable table_of(std::uint64_t end, std::vector<GrowPartition> partitions) {
  return {512, end, std::move(partitions)};
}

GrowPartition primary(std::uint32_t number, std::uint64_t start, std::uint64_t sectors) {
  return {number, start, sectors, false, false};
}
GrowPartition extended(std::uint32_t number, std::uint64_t start, std::uint64_t sectors) {
  return {number, start, sectors, true, false};
}
GrowPartition logical(std::uint32_t number, std::uint64_t start, std::uint64_t sectors) {
  return {number, start, sectors, false, true};
}

TEST(GrowPlan, TheLastOneGrowsToTheLastWholeMebibyte) {
  const GrowPlan plan =
      plan_growth(table_of(100 * mib - 33, {primary(1, mib, 9 * mib), primary(2, 10 * mib, 20 * mib)}));
  EXPECT_EQ(plan.why_not, "");
  EXPECT_EQ(plan.last.number, 2u);
  EXPECT_EQ(plan.new_end, 99 * mib);
  EXPECT_FALSE(plan.extended);
  EXPECT_TRUE(plan.is_larger());
}

TEST(GrowPlan, TheLastOneIsTheOneThatEndsLast) {
  const GrowPlan plan = plan_growth(
      table_of(100 * mib, {primary(1, 40 * mib, mib), primary(2, mib, mib), primary(3, 30 * mib, mib)}));
  EXPECT_EQ(plan.last.number, 1u);
  EXPECT_EQ(plan.new_end, 100 * mib);
}

TEST(GrowPlan, LessThanAMebibyteIsLeft) {
  EXPECT_FALSE(plan_growth(table_of(11 * mib - 1, {primary(1, mib, 9 * mib)})).is_larger());
  EXPECT_TRUE(plan_growth(table_of(11 * mib, {primary(1, mib, 9 * mib)})).is_larger());
  // One that does not end on a mebibyte gains one at least.
  EXPECT_FALSE(plan_growth(table_of(11 * mib, {primary(1, mib, 9 * mib + 1)})).is_larger());
  EXPECT_FALSE(plan_growth(table_of(5 * mib, {primary(1, mib, 9 * mib)})).is_larger());
}

TEST(GrowPlan, ASecondRunFindsNothingToDo) {
  GrowTable table = table_of(100 * mib - 33, {primary(1, mib, 9 * mib)});
  table.partitions[0].sectors = plan_growth(table).new_end - mib;
  EXPECT_FALSE(plan_growth(table).is_larger());
}

TEST(GrowPlan, ALogicalOneGrowsWithTheExtendedOneAroundIt) {
  const GrowPlan plan =
      plan_growth(table_of(100 * mib, {primary(1, mib, 9 * mib), extended(2, 10 * mib, 20 * mib),
                                       logical(5, 11 * mib, 5 * mib), logical(6, 17 * mib, 10 * mib)}));
  EXPECT_EQ(plan.last.number, 6u);
  ASSERT_TRUE(plan.extended);
  EXPECT_EQ(plan.extended->number, 2u);
  EXPECT_EQ(plan.new_end, 100 * mib);
}

TEST(GrowPlan, APrimaryOneBehindTheExtendedOneIsTheLast) {
  const GrowPlan plan = plan_growth(table_of(
      100 * mib, {extended(1, mib, 20 * mib), logical(5, 2 * mib, 5 * mib), primary(2, 40 * mib, mib)}));
  EXPECT_EQ(plan.last.number, 2u);
  EXPECT_FALSE(plan.extended);
  EXPECT_TRUE(plan.is_larger());
}

TEST(GrowPlan, NeverGrowsIntoAnother) {
  EXPECT_THAT(
      plan_growth(table_of(100 * mib, {primary(1, mib, 9 * mib), extended(2, 20 * mib, mib)})).why_not,
      HasSubstr("behind"));
  EXPECT_THAT(
      plan_growth(table_of(100 * mib, {primary(1, mib, 9 * mib), primary(2, 5 * mib, 9 * mib)})).why_not,
      HasSubstr("overlap"));
  EXPECT_THAT(plan_growth(table_of(100 * mib, {primary(1, mib, 9 * mib), extended(2, 5 * mib, 20 * mib),
                                               logical(5, 6 * mib, mib)}))
                  .why_not,
              HasSubstr("overlap"));
  EXPECT_NE(plan_growth(table_of(100 * mib, {logical(5, mib, 9 * mib)})).why_not, "");
  EXPECT_NE(plan_growth(table_of(100 * mib, {})).why_not, "");
}

TEST(GrowPlan, CountsInTheTablesOwnSectors) {
  GrowTable table = table_of(10'000, {primary(1, 256, 1000)});
  table.sector_bytes = 4096;
  EXPECT_EQ(plan_growth(table).new_end, 9984u);
}

}  // namespace
}  // namespace ezio
