// Which sectors of one file are being read, changed and written back, and who waits for them.
//
// Two pieces can meet inside one sector: their edges must take turns, or one would write back the bytes that
// the other has just replaced.
//
// Core file.
#pragma once

#include <cassert>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace ezio {

template <class Waiter>
class SectorLocks {
 public:
  // True: the sector at this device offset is the caller's until unlock(). False: `waiter` is kept for the
  // holder's unlock().
  bool lock_or_wait(std::uint64_t offset, const Waiter& waiter) {
    const auto [entry, is_new] = held_.try_emplace(offset);
    if (!is_new) entry->second.push_back(waiter);
    return is_new;
  }

  // Frees the sector; returns who waited for it and must try again.
  std::vector<Waiter> unlock(std::uint64_t offset) {
    const auto entry = held_.find(offset);
    assert(entry != held_.end());
    std::vector<Waiter> waiters = std::move(entry->second);
    held_.erase(entry);
    return waiters;
  }

  bool any_in(std::uint64_t offset, std::uint64_t length) const {
    const auto first = held_.lower_bound(offset);
    return first != held_.end() && first->first - offset < length;
  }

 private:
  std::map<std::uint64_t, std::vector<Waiter>> held_;  // by the sector's device offset
};

}  // namespace ezio
