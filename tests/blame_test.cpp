#include "bt/swarm/blame.hpp"

#include <gtest/gtest.h>

namespace ezio {
namespace {

constexpr Geometry shape(4 * 64 * KiB, 64 * KiB);
constexpr PeerHandle alice{1};
constexpr PeerHandle bob{2};

// A piece of four blocks, each from somebody who vouches for it or not.
PieceDownload piece_of(std::vector<std::pair<PeerHandle, bool>> senders, PieceIndex piece = PieceIndex{1}) {
  PieceDownload download(shape, piece, {BufferId{0}});
  for (std::uint32_t i = 0; i < senders.size(); ++i) {
    const BlockSpan span{piece, i * block_bytes, block_bytes};
    download.request(span);
    download.arriving(span);
    download.received(span, senders[i].first, senders[i].second);
    download.give_back(span);
  }
  return download;
}

TEST(Blame, WhoSentAllOfABadPieceAndVouchedForItIsGuilty) {
  Blame blame;
  EXPECT_EQ(blame.piece_failed(piece_of({{alice, true}, {alice, true}})), alice);
}

TEST(Blame, OfSeveralWhoVouchedEachIsASuspect) {
  Blame blame;
  EXPECT_EQ(blame.piece_failed(piece_of({{alice, true}, {bob, true}})), std::nullopt);
  EXPECT_TRUE(blame.is_suspect(alice) && blame.is_suspect(bob));
}

TEST(Blame, ASuspectIsClearedByAGoodPieceOfItsOwnOnly) {
  Blame blame;
  blame.piece_failed(piece_of({{alice, true}, {bob, true}}));
  blame.piece_verified(piece_of({{alice, true}, {bob, true}}));
  EXPECT_TRUE(blame.is_suspect(alice) && blame.is_suspect(bob)) << "together they prove nothing";
  PieceDownload own = piece_of({{alice, true}});
  own.exclusive = alice;
  blame.piece_verified(own);
  EXPECT_FALSE(blame.is_suspect(alice));
  EXPECT_TRUE(blame.is_suspect(bob));
}

TEST(Blame, WhoPassesOnWhatItHasNotVerifiedIsNeverGuiltyButMayNotDoItAgain) {
  Blame blame;
  EXPECT_TRUE(blame.may_relay(alice, PieceIndex{2}));
  EXPECT_EQ(blame.piece_failed(piece_of({{alice, false}, {alice, false}})), std::nullopt);
  EXPECT_FALSE(blame.is_suspect(alice));
  EXPECT_FALSE(blame.may_relay(alice, PieceIndex{2}));
  EXPECT_TRUE(blame.may_relay(bob, PieceIndex{2}));
}

TEST(Blame, WithRelayedBlocksInItAPieceSaysNothingOfThoseWhoVouched) {
  Blame blame;
  EXPECT_EQ(blame.piece_failed(piece_of({{alice, false}, {bob, true}})), std::nullopt);
  EXPECT_FALSE(blame.is_suspect(bob));
}

TEST(Blame, APieceThatFailedIsRelayedByNobodyUntilItIsVerified) {
  Blame blame;
  blame.piece_failed(piece_of({{alice, false}}));
  EXPECT_FALSE(blame.may_relay(bob, PieceIndex{1}));
  blame.piece_verified(piece_of({{bob, true}}));
  EXPECT_TRUE(blame.may_relay(bob, PieceIndex{1}));
}

TEST(Blame, WhoIsGoneIsForgotten) {
  Blame blame;
  blame.piece_failed(piece_of({{alice, true}, {bob, true}}));
  blame.piece_failed(piece_of({{alice, false}}, PieceIndex{2}));
  blame.peer_gone(alice);
  EXPECT_FALSE(blame.is_suspect(alice));
  EXPECT_TRUE(blame.may_relay(alice, PieceIndex{3}));
}

}  // namespace
}  // namespace ezio
