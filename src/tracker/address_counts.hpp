// How many of something each host address has: what the limits per address are held by.
//
// Core file.
#pragma once

#include <cassert>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "tracker/seeded_hash.hpp"

namespace ezio::tracker {

class AddressCounts {
 public:
  explicit AddressCounts(HashSeed seed) : counts_(0, SeededHash(seed)) {}

  void add(const Endpoint& endpoint) {
    ++counts_[host_block(endpoint)];
    ++total_;
  }
  void remove(const Endpoint& endpoint) {
    const auto found = counts_.find(host_block(endpoint));
    assert(found != counts_.end());
    --total_;
    if (--found->second == 0) counts_.erase(found);
  }
  std::uint32_t of(const Endpoint& endpoint) const {
    const auto found = counts_.find(host_block(endpoint));
    return found == counts_.end() ? 0 : found->second;
  }
  // Who has most, and how many; linear in the number of addresses.
  std::pair<AddressBlock, std::uint32_t> largest() const {
    std::pair<AddressBlock, std::uint32_t> most{};
    for (const auto& [block, count] : counts_) {
      if (count > most.second) most = {block, count};
    }
    return most;
  }
  std::size_t total() const { return total_; }
  std::size_t addresses() const { return counts_.size(); }

 private:
  std::unordered_map<AddressBlock, std::uint32_t, SeededHash> counts_;
  std::size_t total_ = 0;
};

}  // namespace ezio::tracker
