#include "tools/peer/size_range.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace ezio {
namespace {

constexpr std::uint64_t no_bound = std::numeric_limits<std::uint64_t>::max();

TEST(SizeRange, UnitsAreBinaryUnlessTheyEndInAPlainB) {
  EXPECT_EQ(parse_size_range("0")->least, 0u);
  EXPECT_EQ(parse_size_range("1000B")->least, 1000u);
  EXPECT_EQ(parse_size_range("3K")->least, 3072u);
  EXPECT_EQ(parse_size_range("3KiB")->least, 3072u);
  EXPECT_EQ(parse_size_range("3kB")->least, 3000u);
  EXPECT_EQ(parse_size_range("2M")->least, 2u << 20);
  EXPECT_EQ(parse_size_range("2MB")->least, 2'000'000u);
  EXPECT_EQ(parse_size_range("500GB")->least, 500'000'000'000u);
  EXPECT_EQ(parse_size_range("500G")->least, std::uint64_t{500} << 30);
  EXPECT_EQ(parse_size_range("2TB")->least, 2'000'000'000'000u);
  EXPECT_EQ(parse_size_range("2TiB")->least, std::uint64_t{2} << 40);
}

TEST(SizeRange, WithoutAMaximumThereIsNone) {
  EXPECT_EQ(parse_size_range("1G")->most, no_bound);
  EXPECT_EQ(parse_size_range("1G-2G")->most, std::uint64_t{2} << 30);
  EXPECT_EQ(parse_size_range("5-5")->most, 5u);
}

TEST(SizeRange, EverythingElseIsNone) {
  for (const char* text : {"", "-", "G", "1X", "1GX", "1Gi", "1-", "-1", "2-1", "1.5G", "1 G", "1G-2G-3G",
                           "0x10", "99999999999999999999", "18446744073709551615K"}) {
    EXPECT_FALSE(parse_size_range(text)) << text;
  }
}

}  // namespace
}  // namespace ezio
