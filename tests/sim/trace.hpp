// A digest of everything that swarms wanted done, and when: equal for runs that were the same.
#pragma once

#include <cstdint>

#include "bt/swarm/action.hpp"

namespace ezio::sim {

class Trace {
 public:
  void add(std::uint32_t node, TimePoint time, const Action& action);
  std::uint64_t digest() const { return digest_; }

 private:
  struct Fold;
  void fold(std::uint64_t value) {
    digest_ = (digest_ ^ value) * 0x100000001B3u;
    digest_ ^= digest_ >> 29;
  }
  std::uint64_t digest_ = 0xCBF29CE484222325u;
};

}  // namespace ezio::sim
