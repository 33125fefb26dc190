#include "bt/wire/query.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace ezio {
namespace {

std::vector<std::pair<std::string, std::string>> pairs(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  QueryReader reader(query);
  for (QueryParameter parameter; reader.next(parameter).value();)
    out.emplace_back(parameter.name, parameter.value);
  return out;
}

TEST(PercentDecode, YieldsBytes) {
  EXPECT_EQ(percent_decode("a%00%fF+b"), std::string("a\0\xff+b", 5));
  EXPECT_EQ(percent_decode(""), "");
  for (const char* bad : {"%", "%4", "%zz", "%4g", "% 1", "a%"})
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
}

TEST(PercentEncode, IsUndoneByDecoding) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  std::string encoded;
  append_percent_encoded(encoded, all);
  EXPECT_EQ(percent_decode(encoded), all);
  std::string plain;
  append_percent_encoded(plain, "/dev/sd_a-1.~:&=+ %");
  EXPECT_EQ(plain, "/dev/sd_a-1.~:%26%3D%2B%20%25");
}

TEST(QueryReader, YieldsPairsInOrderAndDropsThoseWithoutAName) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(pairs("b=1&&a=2=3&=x&c&b=%26+%2B&"), (Pairs{{"b", "1"}, {"a", "2=3"}, {"c", ""}, {"b", "& +"}}));
  EXPECT_EQ(pairs(""), Pairs{});
  EXPECT_EQ(pairs("%61%3D=1"), (Pairs{{"a=", "1"}}));
}

TEST(QueryReader, RefusesBrokenPercentEncodingAndQuotesIt) {
  QueryReader reader("a=1&b=%4");
  QueryParameter parameter;
  EXPECT_TRUE(reader.next(parameter).value());
  const auto broken = reader.next(parameter);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message, "'b=%4' is not percent-encoded text");
}

TEST(Decimal, TakesWholeNumbersInRangeOnly) {
  EXPECT_EQ(decimal<std::uint16_t>("65535"), 65535);
  for (const char* bad : {"65536", "-1", "", "1x", " 1", "+1", "0x1"}) {
    EXPECT_EQ(decimal<std::uint16_t>(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace ezio
