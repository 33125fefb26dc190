#include "bt/swarm/rarity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace ezio {
namespace {

Bitfield bits(std::uint32_t count, const std::set<std::uint32_t>& set) {
  Bitfield pieces(count);
  for (std::uint32_t piece : set) pieces.set(PieceIndex{piece});
  return pieces;
}

Bitfield all(std::uint32_t count) {
  Bitfield pieces(count);
  pieces.set_all();
  return pieces;
}

// So many pieces of one segment each.
Geometry small(std::uint32_t pieces) {
  return {std::uint64_t{pieces} * min_piece_length, min_piece_length};
}
SegmentRef only(PieceIndex piece) {
  return {piece, 0};
}

// The pieces that a leecher wants, as it begins them and gives them up.
class Picker : public Rarity {
 public:
  Picker(std::uint32_t count, std::uint64_t seed)
      : Rarity(small(count), Set::wanted, Bitfield(count), seed) {}
  using Rarity::add;
  void add(PieceIndex piece, const Bitfield& pieces) {
    Rarity::add(only(piece));
    if (pieces.all()) became_seed();
  }
  std::optional<PieceIndex> rarest(const Bitfield& pieces, Set set = Set::wanted) const {
    const auto found = Rarity::rarest(set, [&](SegmentRef segment) { return pieces.test(segment.piece); });
    return found ? std::optional(found->piece) : std::nullopt;
  }
  void start(PieceIndex piece) { move(only(piece), Set::held); }
  void put_back(PieceIndex piece) { move(only(piece), Set::wanted); }
  bool is_missing(PieceIndex piece) const { return in(Set::wanted, only(piece)); }
  std::uint32_t missing() const { return count(Set::wanted); }
  std::uint32_t count_missing(const Bitfield& pieces) const { return count_wanted(pieces); }
};

TEST(Rarity, WhatIsAsideOrUnsureIsNeverChosenAndItsCopiesAreCountedAllTheSame) {
  Rarity rarity(small(3), Rarity::Set::wanted, bits(3, {0}), 1);
  const auto any = [](SegmentRef) { return true; };
  EXPECT_EQ(rarity.count(Rarity::Set::aside), 1u);
  EXPECT_EQ(rarity.count(Rarity::Set::wanted), 2u);
  rarity.move(only(PieceIndex{1}), Rarity::Set::unsure);
  rarity.add(bits(3, {0, 1, 2}));
  rarity.add(bits(3, {0, 1}));
  EXPECT_EQ(rarity.availability(only(PieceIndex{0})), 2u);
  EXPECT_EQ(rarity.rarest(Rarity::Set::wanted, any), only(PieceIndex{2}));
  rarity.move(only(PieceIndex{2}), Rarity::Set::held);
  EXPECT_EQ(rarity.rarest(Rarity::Set::wanted, any), std::nullopt);
  rarity.move(only(PieceIndex{1}), Rarity::Set::wanted);
  EXPECT_EQ(rarity.rarest(Rarity::Set::wanted, any), only(PieceIndex{1}));
  EXPECT_EQ(rarity.copies(only(PieceIndex{1})), 1u) << "the other has them all";
  rarity.remove(bits(3, {0, 1}));
  EXPECT_EQ(rarity.copies(only(PieceIndex{0})), 0u);
  EXPECT_EQ(rarity.count(Rarity::Set::unsure), 0u);
}

TEST(Rarity, OfTheHeldPiecesTheRarestIsPassedOnFirst) {
  Rarity rarity(small(3), Rarity::Set::held, Bitfield(3), 1);
  const auto any = [](SegmentRef) { return true; };
  rarity.add(bits(3, {0, 1}));
  EXPECT_EQ(rarity.rarest(Rarity::Set::held, any), only(PieceIndex{2}));
  EXPECT_EQ(rarity.rarest(Rarity::Set::wanted, any), std::nullopt);
  rarity.add(only(PieceIndex{2}));
  rarity.add(only(PieceIndex{2}));
  rarity.remove(only(PieceIndex{1}));
  EXPECT_EQ(rarity.rarest(Rarity::Set::held, any), only(PieceIndex{1}));
}

TEST(Rarity, SegmentsOfAPieceAreCountedEach) {
  Rarity rarity(Geometry(2 * MiB + 3 * MiB / 2, 2 * MiB), Rarity::Set::held, Bitfield(2),
                1);  // the last piece is short
  EXPECT_EQ(rarity.count(Rarity::Set::held), 4u);
  rarity.add(bits(2, {0}));
  rarity.add(SegmentRef{PieceIndex{0}, 1});
  rarity.add(SegmentRef{PieceIndex{1}, 0});
  EXPECT_EQ(rarity.copies({PieceIndex{0}, 0}), 1u);
  EXPECT_EQ(rarity.copies({PieceIndex{0}, 1}), 2u);
  const auto any = [](SegmentRef) { return true; };
  EXPECT_EQ(rarity.rarest(Rarity::Set::held, any), (SegmentRef{PieceIndex{1}, 1}));
  rarity.move({PieceIndex{1}, 1}, Rarity::Set::wanted);
  EXPECT_EQ(rarity.count_wanted(bits(2, {1})), 1u);
  EXPECT_NE(rarity.rarest(Rarity::Set::held, any), (SegmentRef{PieceIndex{0}, 1}));
}

TEST(Rarity, APeerWithoutPiecesOffersNothing) {
  Picker picker(4, 1);
  EXPECT_EQ(picker.rarest(Bitfield(4)), std::nullopt);
  EXPECT_EQ(picker.missing(), 4u);
}

TEST(Rarity, TheRarestPieceOfAPeerComesFirst) {
  Picker picker(4, 1);
  picker.add(bits(4, {0, 1, 2}));
  picker.add(bits(4, {0, 1}));
  picker.add(bits(4, {0}));
  EXPECT_EQ(picker.rarest(bits(4, {0, 1, 2})), PieceIndex{2});
  EXPECT_EQ(picker.rarest(bits(4, {0, 1})), PieceIndex{1});
  EXPECT_EQ(picker.rarest(bits(4, {0})), PieceIndex{0});
}

TEST(Rarity, APieceThatWasStartedIsNotOfferedUntilItIsPutBack) {
  Picker picker(3, 1);
  picker.add(bits(3, {0, 1}));
  picker.start(PieceIndex{0});
  EXPECT_FALSE(picker.is_missing(PieceIndex{0}));
  EXPECT_EQ(picker.missing(), 2u);
  EXPECT_EQ(picker.rarest(bits(3, {0})), std::nullopt);
  picker.put_back(PieceIndex{0});
  EXPECT_TRUE(picker.is_missing(PieceIndex{0}));
  EXPECT_EQ(picker.rarest(bits(3, {0})), PieceIndex{0});
}

TEST(Rarity, WhatPeersHaveIsCountedWhileAPieceIsFetched) {
  Picker picker(2, 1);
  picker.add(bits(2, {0}));
  picker.start(PieceIndex{0});
  picker.add(bits(2, {0}));
  EXPECT_EQ(picker.availability(only(PieceIndex{0})), 2u);
  picker.remove(bits(2, {0}));
  picker.put_back(PieceIndex{0});
  EXPECT_EQ(picker.availability(only(PieceIndex{0})), 1u);
}

TEST(Rarity, SeedsCountForEveryPiece) {
  Picker picker(3, 1);
  picker.add(all(3));
  picker.add(bits(3, {1}));
  EXPECT_EQ(picker.availability(only(PieceIndex{0})), 1u);
  EXPECT_EQ(picker.availability(only(PieceIndex{1})), 2u);
  picker.remove(all(3));
  EXPECT_EQ(picker.availability(only(PieceIndex{0})), 0u);
  EXPECT_EQ(picker.availability(only(PieceIndex{1})), 1u);
}

TEST(Rarity, APeerThatBecomesASeedGoesAsOne) {
  Picker picker(3, 1);
  Bitfield pieces = bits(3, {0, 1});
  picker.add(pieces);
  pieces.set(PieceIndex{2});
  picker.add(PieceIndex{2}, pieces);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(picker.availability(only(PieceIndex{i})), 1u);
  picker.remove(pieces);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(picker.availability(only(PieceIndex{i})), 0u);
}

TEST(Rarity, ATorrentOfOnePieceWorks) {
  Picker picker(1, 1);
  Bitfield pieces(1);
  picker.add(pieces);
  pieces.set(PieceIndex{0});
  picker.add(PieceIndex{0}, pieces);
  EXPECT_EQ(picker.rarest(pieces), PieceIndex{0});
  picker.start(PieceIndex{0});
  picker.remove(pieces);
  EXPECT_EQ(picker.availability(only(PieceIndex{0})), 0u);
}

TEST(Rarity, TiesAreBrokenByTheSeed) {
  std::set<std::uint32_t> first;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Picker picker(20, seed);
    first.insert(picker.rarest(all(20))->value());
  }
  EXPECT_GT(first.size(), 10u);
}

TEST(Rarity, TheMissingPiecesOfAPeerAreCounted) {
  Picker picker(5, 1);
  picker.add(bits(5, {0, 1, 2}));
  picker.start(PieceIndex{1});
  EXPECT_EQ(picker.count_missing(bits(5, {0, 1, 4})), 2u);
}

// A picker beside a plain model, through random events.
class PickerModel {
 public:
  PickerModel(std::uint32_t count, std::uint64_t seed) : picker_(count, seed), random_(seed), count_(count) {
    for (std::uint32_t i = 0; i < count; ++i) missing_.insert(i);
  }

  void step() {
    switch (random_() % 6) {
      case 0:
        return come();
      case 1:
        return go();
      case 2:
      case 3:
        return announce();
      case 4:
        return start();
      default:
        return put_back();
    }
  }
  void check() {
    ASSERT_EQ(picker_.missing(), missing_.size());
    for (std::uint32_t i = 0; i < count_; ++i)
      ASSERT_EQ(picker_.availability(only(PieceIndex{i})), available(i));
    for (const Bitfield& peer : peers_) {
      check_choice(peer, Rarity::Set::wanted);
      check_choice(peer, Rarity::Set::held);
    }
  }

 private:
  std::uint32_t available(std::uint32_t piece) const {
    return static_cast<std::uint32_t>(std::count_if(
        peers_.begin(), peers_.end(), [&](const Bitfield& peer) { return peer.test(PieceIndex{piece}); }));
  }
  void check_choice(const Bitfield& peer, Rarity::Set set) {
    const auto suits = [&](std::uint32_t piece) {
      return peer.test(PieceIndex{piece}) && missing_.contains(piece) == (set == Rarity::Set::wanted);
    };
    const auto choice = picker_.rarest(peer, set);
    std::uint32_t rarest = ~0u;
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (suits(i)) rarest = std::min(rarest, available(i));
    }
    ASSERT_EQ(choice.has_value(), rarest != ~0u);
    if (!choice) return;
    ASSERT_TRUE(suits(choice->value()));
    ASSERT_EQ(available(choice->value()), rarest);
  }
  void come() {
    Bitfield pieces(count_);
    const bool seed = random_() % 4 == 0;
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (seed || random_() % 3 == 0) pieces.set(PieceIndex{i});
    }
    picker_.add(pieces);
    peers_.push_back(pieces);
  }
  void go() {
    if (peers_.empty()) return;
    const auto peer = peers_.begin() + static_cast<std::ptrdiff_t>(random_() % peers_.size());
    picker_.remove(*peer);
    peers_.erase(peer);
  }
  void announce() {
    if (peers_.empty()) return;
    Bitfield& peer = peers_[random_() % peers_.size()];
    const PieceIndex piece{static_cast<std::uint32_t>(random_() % count_)};
    if (peer.set(piece)) picker_.add(piece, peer);
  }
  void start() {
    if (missing_.empty()) return;
    const std::uint32_t piece =
        *std::next(missing_.begin(), static_cast<std::ptrdiff_t>(random_() % missing_.size()));
    picker_.start(PieceIndex{piece});
    missing_.erase(piece);
  }
  void put_back() {
    const PieceIndex piece{static_cast<std::uint32_t>(random_() % count_)};
    if (missing_.insert(piece.value()).second) picker_.put_back(piece);
  }

  Picker picker_;
  std::mt19937_64 random_;
  std::uint32_t count_;
  std::set<std::uint32_t> missing_;
  std::vector<Bitfield> peers_;
};

TEST(Rarity, AgreesWithAModelThroughRandomEvents) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    PickerModel model(1 + static_cast<std::uint32_t>(seed), seed);
    for (int i = 0; i < 300; ++i) {
      model.step();
      ASSERT_NO_FATAL_FAILURE(model.check()) << "seed " << seed << ", step " << i;
    }
  }
}

}  // namespace
}  // namespace ezio
