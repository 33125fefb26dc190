#include "bt/swarm/choker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace ezio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr TimePoint start{1000s};

ChokeCandidate wants(std::uint32_t peer) {
  return {PeerHandle{peer}, true, false, {}};
}
ChokeCandidate served(std::uint32_t peer, Duration since) {
  return {PeerHandle{peer}, true, true, start + since};
}
ChokeCandidate idle(std::uint32_t peer, bool unchoked) {
  return {PeerHandle{peer}, false, unchoked, start};
}

TEST(Choker, EverybodyWhoIsInterestedIsServedWhileSlotsLast) {
  Choker choker(3);
  EXPECT_THAT(choker.choose({wants(1), wants(2), served(3, 0s)}, start),
              UnorderedElementsAre(PeerHandle{1}, PeerHandle{2}, PeerHandle{3}));
}

TEST(Choker, WhoIsNotInterestedGetsNoSlot) {
  Choker choker(3);
  EXPECT_THAT(choker.choose({idle(1, false), wants(2)}, start), ElementsAre(PeerHandle{2}));
  EXPECT_THAT(choker.choose({}, start), IsEmpty());
}

TEST(Choker, WhoIsNoLongerInterestedKeepsTheSlotWhileNobodyElseWantsIt) {
  Choker choker(2);
  EXPECT_THAT(choker.choose({idle(1, true), wants(2)}, start),
              UnorderedElementsAre(PeerHandle{1}, PeerHandle{2}));
  EXPECT_THAT(choker.choose({idle(1, true), wants(2), wants(3)}, start),
              UnorderedElementsAre(PeerHandle{2}, PeerHandle{3}));
}

TEST(Choker, BetweenRotationsThoseWhoAreServedStay) {
  Choker choker(2);
  choker.choose({wants(1), wants(2), wants(3)}, start);
  EXPECT_THAT(choker.choose({wants(3), served(1, 0s), served(2, 0s)}, start + 9s),
              UnorderedElementsAre(PeerHandle{1}, PeerHandle{2}));
}

TEST(Choker, InARotationThoseServedLongestMakeRoom) {
  Choker choker(3);
  choker.choose({wants(1), wants(2), wants(3), wants(4)}, start);
  EXPECT_THAT(choker.choose({served(1, 3s), served(2, 1s), served(3, 2s), wants(4)}, start + 10s),
              UnorderedElementsAre(PeerHandle{4}, PeerHandle{1}, PeerHandle{3}));
}

TEST(Choker, OfThoseWhoWaitTheOneWhoseTurnIsLongestAgoComesFirst) {
  Choker choker(1);
  const ChokeCandidate waited_long{PeerHandle{2}, true, false, start - 60s};
  const ChokeCandidate waited_a_little{PeerHandle{1}, true, false, start - 20s};
  EXPECT_THAT(choker.choose({waited_a_little, waited_long}, start), ElementsAre(PeerHandle{2}));
}

TEST(Choker, EverybodyGetsATurn) {
  Choker choker(2);
  std::map<PeerHandle, ChokeCandidate> peers;
  for (std::uint32_t i = 0; i < 9; ++i) peers[PeerHandle{i}] = wants(i);
  TimePoint now = start;
  for (int second = 0; second < 60; ++second, now += 1s) {
    std::vector<ChokeCandidate> candidates;
    for (const auto& [handle, peer] : peers) candidates.push_back(peer);
    const std::vector<PeerHandle> chosen = choker.choose(candidates, now);
    EXPECT_EQ(chosen.size(), 2u);
    for (auto& [handle, peer] : peers) {
      const bool unchoke = std::find(chosen.begin(), chosen.end(), handle) != chosen.end();
      if (unchoke && !peer.unchoked) peer.unchoked_at = now;
      peer.unchoked = unchoke;
    }
  }
  for (const auto& [handle, peer] : peers) {
    EXPECT_NE(peer.unchoked_at, TimePoint{}) << "peer " << handle.value() << " was never served";
  }
}

}  // namespace
}  // namespace ezio
