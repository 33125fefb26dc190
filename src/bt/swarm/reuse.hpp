// What of a target may be right already: which pieces to look at before they are fetched.
//
// No state file: the target is asked. `automatic` looks at pieces spread over it and goes on only where one
// of them is right, so that a blank disk costs next to nothing; after a power cut, or where last week's image
// lies, most of it is kept. Core file; part of Swarm.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "bt/base/bitfield.hpp"
#include "bt/base/types.hpp"

namespace ezio {

class Reuse {
 public:
  enum class Mode { automatic, all, off };
  static constexpr std::uint32_t samples = 16;
  // A disk with so many pieces that cannot be read is not asked for more; what it lacks is written, and told
  // where that fails.
  static constexpr std::uint32_t most_unreadable = 3;

  explicit Reuse(Mode mode) : mode_(mode) {}

  // Which pieces to look at first. Not `zeros`: they are as right on a blank disk.
  std::vector<PieceIndex> first(const Bitfield& zeros, std::uint64_t random_seed) {
    std::vector<PieceIndex> pieces;
    if (mode_ == Mode::off) return pieces;
    for (PieceIndex piece; piece.value() < zeros.size(); ++piece) {
      if (mode_ == Mode::all || !zeros.test(piece)) pieces.push_back(piece);
    }
    sampling_ = mode_ == Mode::automatic;
    return sampling_ && pieces.size() > samples ? spread(pieces, random_seed) : pieces;
  }

  // Whether what the samples say is awaited: nothing is fetched meanwhile.
  bool sampling() const { return sampling_; }

  void right() { ++right_; }
  // False: enough, look no further.
  bool unreadable() { return ++unreadable_ < most_unreadable; }

  // All that was asked for has been looked at. True: now all the others.
  bool go_on() {
    const bool sampled = sampling_;
    sampling_ = false;
    return sampled && right_ > 0 && unreadable_ < most_unreadable;
  }

 private:
  // One of each of as many equal parts.
  static std::vector<PieceIndex> spread(const std::vector<PieceIndex>& pieces, std::uint64_t random_seed) {
    std::mt19937_64 random(random_seed);
    std::vector<PieceIndex> chosen;
    for (std::size_t i = 0; i < samples; ++i) {
      const std::size_t begin = i * pieces.size() / samples;
      const std::size_t end = (i + 1) * pieces.size() / samples;
      chosen.push_back(pieces[std::uniform_int_distribution(begin, end - 1)(random)]);
    }
    return chosen;
  }

  Mode mode_;
  bool sampling_ = false;
  std::uint32_t right_ = 0;
  std::uint32_t unreadable_ = 0;
};

}  // namespace ezio
