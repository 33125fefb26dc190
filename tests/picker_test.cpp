#include "bt/picker.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace ezio {
namespace {

Bitfield pieces(std::uint32_t size, std::initializer_list<std::uint32_t> set) {
  Bitfield field(size);
  for (std::uint32_t piece : set) field.set(PieceIndex{piece});
  return field;
}

Bitfield everything(std::uint32_t size) {
  Bitfield field(size);
  field.set_all();
  return field;
}

TEST(Picker, ChoosesTheRarestPieceThatThePeerHas) {
  Picker picker(4, 1);
  picker.add(pieces(4, {0, 1, 2}));
  picker.add(pieces(4, {0, 1}));
  picker.add(pieces(4, {0}));
  EXPECT_EQ(picker.rarest(pieces(4, {0, 1, 2})), PieceIndex{2});
  EXPECT_EQ(picker.rarest(pieces(4, {0, 1})), PieceIndex{1});
  EXPECT_EQ(picker.rarest(pieces(4, {})), std::nullopt);
}

TEST(Picker, BreaksTiesBySeed) {
  std::set<std::uint32_t> chosen;
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    Picker picker(16, seed);
    picker.add(everything(16));
    chosen.insert(picker.rarest(everything(16))->value());
  }
  EXPECT_GT(chosen.size(), 8u);
  Picker a(16, 7);
  Picker b(16, 7);
  EXPECT_EQ(a.rarest(everything(16)), b.rarest(everything(16)));
}

TEST(Picker, LeavesOutStartedPiecesUntilTheyArePutBack) {
  Picker picker(2, 1);
  picker.start(PieceIndex{0});
  EXPECT_EQ(picker.rarest(everything(2)), PieceIndex{1});
  picker.start(PieceIndex{1});
  EXPECT_EQ(picker.rarest(everything(2)), std::nullopt);
  EXPECT_EQ(picker.missing(), 0u);
  picker.put_back(PieceIndex{0});
  EXPECT_EQ(picker.rarest(everything(2)), PieceIndex{0});
}

TEST(Picker, APeerThatBecomesASeedLeavesNoTrace) {
  Picker picker(3, 1);
  Bitfield peer = pieces(3, {0, 1});
  picker.add(peer);
  peer.set(PieceIndex{2});
  picker.add(PieceIndex{2}, peer);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(picker.availability(PieceIndex{i}), 1u);
  picker.remove(peer);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(picker.availability(PieceIndex{i}), 0u);
}

// Random histories against a map that counts.
TEST(Picker, AgreesWithACountingModel) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    constexpr std::uint32_t count = 40;
    std::mt19937_64 random(seed);
    Picker picker(count, seed);
    std::vector<Bitfield> peers;
    std::set<std::uint32_t> started;
    for (int step = 0; step < 600; ++step) {
      const auto any = PieceIndex{static_cast<std::uint32_t>(random() % count)};
      switch (random() % 5) {
        case 0: {
          Bitfield peer(count);
          const auto have = random() % (count + 1);
          for (std::uint64_t i = 0; i < have; ++i)
            peer.set(PieceIndex{static_cast<std::uint32_t>(random() % count)});
          picker.add(peer);
          peers.push_back(peer);
          break;
        }
        case 1:
          if (peers.empty()) break;
          std::swap(peers.back(), peers[random() % peers.size()]);
          picker.remove(peers.back());
          peers.pop_back();
          break;
        case 2: {
          if (peers.empty()) break;
          Bitfield& peer = peers[random() % peers.size()];
          if (peer.set(any)) picker.add(any, peer);
          break;
        }
        case 3:
          if (started.insert(any.value()).second) picker.start(any);
          break;
        case 4:
          if (started.erase(any.value()) > 0) picker.put_back(any);
          break;
      }
      std::uint32_t rarest = 0xFFFFFFFF;
      for (std::uint32_t i = 0; i < count; ++i) {
        std::uint32_t availability = 0;
        for (const Bitfield& peer : peers) availability += peer.test(PieceIndex{i});
        ASSERT_EQ(picker.availability(PieceIndex{i}), availability);
        ASSERT_EQ(picker.is_missing(PieceIndex{i}), !started.contains(i));
        if (!started.contains(i)) rarest = std::min(rarest, availability);
      }
      ASSERT_EQ(picker.missing(), count - started.size());
      const auto chosen = picker.rarest(everything(count));
      ASSERT_EQ(chosen.has_value(), started.size() < count);
      if (chosen) {
        ASSERT_EQ(picker.availability(*chosen), rarest);
      }
    }
  }
}

}  // namespace
}  // namespace ezio
