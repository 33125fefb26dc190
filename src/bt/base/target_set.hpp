// The targets of one download: their numbers, and sets of them.
//
// Core file.
#pragma once

#include <bit>
#include <cassert>
#include <cstdint>

#include "bt/base/types.hpp"

namespace ezio {

class TargetSet {
 public:
  static constexpr std::uint32_t most = 32;  // targets of one download

  TargetSet() = default;
  // Targets 0 … count - 1.
  static TargetSet first(std::uint32_t count) {
    assert(count <= most);
    TargetSet set;
    set.bits_ = count == most ? ~0u : (1u << count) - 1;
    return set;
  }

  static TargetSet only(TargetIndex target) {
    TargetSet set;
    set.bits_ = 1u << target.value();
    return set;
  }

  bool empty() const { return bits_ == 0; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(std::popcount(bits_)); }
  bool contains(TargetIndex target) const { return (bits_ >> target.value() & 1) != 0; }
  void erase(TargetIndex target) { bits_ &= ~(1u << target.value()); }
  TargetIndex front() const {  // the lowest; not of an empty set
    assert(!empty());
    return TargetIndex{static_cast<std::uint32_t>(std::countr_zero(bits_))};
  }
  TargetSet operator&(TargetSet other) const {
    other.bits_ &= bits_;
    return other;
  }

  template <class Predicate>
  bool all(Predicate holds) const {
    for (TargetIndex target : *this) {
      if (!holds(target)) return false;
    }
    return true;
  }

  class Iterator {
   public:
    explicit Iterator(std::uint32_t bits) : bits_(bits) {}
    TargetIndex operator*() const { return TargetIndex{static_cast<std::uint32_t>(std::countr_zero(bits_))}; }
    Iterator& operator++() {
      bits_ &= bits_ - 1;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return bits_ != other.bits_; }

   private:
    std::uint32_t bits_;
  };
  // In ascending order, of the set as it was when the loop began.
  Iterator begin() const { return Iterator(bits_); }
  Iterator end() const { return Iterator(0); }

 private:
  std::uint32_t bits_ = 0;
};

}  // namespace ezio
