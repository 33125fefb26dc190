#include "bt/base/endpoint.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

namespace ezio {
namespace {

TEST(Endpoint, ReadsWhatItPrints) {
  for (const char* text : {"192.0.2.1:6881", "0.0.0.0:0", "[2001:db8::1]:6881", "[::]:65535"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(to_string(*endpoint), text);
  }
}

TEST(Endpoint, AMappedAddressIsIpv4) {
  const auto endpoint = parse_endpoint("[::ffff:192.0.2.1]:80");
  ASSERT_TRUE(endpoint);
  EXPECT_FALSE(endpoint->v6);
  EXPECT_EQ(endpoint, parse_endpoint("192.0.2.1:80"));
  EXPECT_EQ(address_text(*endpoint), "192.0.2.1");
}

TEST(Endpoint, EverythingButALiteralAddressAndAPortIsRefused) {
  for (const char* text : {"",
                           ":",
                           ":80",
                           "192.0.2.1",
                           "192.0.2.1:",
                           "192.0.2.1:65536",
                           "192.0.2.1:-1",
                           "192.0.2.1:8o",
                           "192.0.2.1: 80",
                           "192.0.2.256:80",
                           "host:80",
                           "2001:db8::1:80",
                           "[192.0.2.1]:80",
                           "[::1]",
                           "[::1]80",
                           "[::1:80",
                           "::1]:80",
                           "[]:80",
                           "[fe80::1%eth0]:80",
                           "1.2.3:80"}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
  EXPECT_FALSE(parse_address(std::string_view("1.2.3.4\0", 8), 1));
  EXPECT_FALSE(parse_address(std::string(1000, '1'), 1));
}

TEST(Endpoint, FamiliesAndPortsAreDistinctKeys) {
  std::unordered_set<Endpoint> set;
  for (const char* text : {"1.2.3.4:5", "1.2.3.4:6", "1.2.3.5:5", "[102:304::]:5"})
    set.insert(*parse_endpoint(text));
  EXPECT_EQ(set.size(), 4u);
  EXPECT_TRUE(set.contains(*parse_endpoint("[::ffff:1.2.3.4]:5")));
}

}  // namespace
}  // namespace ezio
