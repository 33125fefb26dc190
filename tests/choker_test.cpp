#include "bt/choker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ezio {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr PeerHandle peer(std::uint32_t i) {
  return PeerHandle{i};
}
const TimePoint start = TimePoint{} + 1h;

TEST(Choker, ServesEveryoneInterestedUpToTheBound) {
  Choker choker(3);
  EXPECT_THAT(choker.choose({{peer(1), true}, {peer(2), false}, {peer(3), true}}, start),
              UnorderedElementsAre(peer(1), peer(3)));
}

TEST(Choker, UninterestedPeersKeepTheirSlotOnlyWhileNobodyWantsIt) {
  Choker choker(1);
  EXPECT_THAT(choker.choose({{peer(1), false, true, start}}, start), ElementsAre(peer(1)));
  EXPECT_THAT(choker.choose({{peer(1), false, true, start}, {peer(2), true}}, start), ElementsAre(peer(2)));
}

TEST(Choker, TakesTurnsBeyondTheBound) {
  Choker choker(1);
  ASSERT_THAT(choker.choose({{peer(1), true}, {peer(2), true}}, start), ElementsAre(peer(1)));
  EXPECT_THAT(choker.choose({{peer(1), true, true, start}, {peer(2), true}}, start + 5s),
              ElementsAre(peer(1)))
      << "a turn lasts ten seconds";
  EXPECT_THAT(choker.choose({{peer(1), true, true, start}, {peer(2), true}}, start + 11s),
              ElementsAre(peer(2)));
}

}  // namespace
}  // namespace ezio
