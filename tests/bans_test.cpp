#include "bt/swarm/bans.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

Endpoint at(const char* address, std::uint16_t port) {
  return *parse_address(address, port);
}

TEST(Bans, AreOfAnAddressAndThePortBehindIt) {
  Bans bans;
  bans.add(at("10.0.0.1", 6881));
  EXPECT_TRUE(bans.banned(at("10.0.0.1", 6881)));
  EXPECT_FALSE(bans.banned(at("10.0.0.1", 6882))) << "another client of a host, or behind a router";
  EXPECT_FALSE(bans.banned(at("10.0.0.2", 6881)));
}

TEST(Bans, SeveralAtAnAddressBanItWhateverThePort) {
  Bans bans;
  for (std::uint16_t port : {1, 2, 2}) bans.add(at("10.0.0.1", port));
  EXPECT_FALSE(bans.address_banned(at("10.0.0.1", 9)));
  bans.add(at("10.0.0.1", 0));
  EXPECT_TRUE(bans.address_banned(at("10.0.0.1", 9)));
  EXPECT_TRUE(bans.banned(at("10.0.0.1", 10)));
}

TEST(Bans, AreBounded) {
  Bans bans;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    bans.add(at(("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250)).c_str(), 1));
  }
  EXPECT_EQ(bans.size(), Bans::most_bans);
  EXPECT_FALSE(bans.banned(at("10.1.0.0", 1)));
  EXPECT_TRUE(bans.banned(at("10.1.19.249", 1)));
}

}  // namespace
}  // namespace ezio
