// Bytes of a target that were changed after all of it had been verified: what its torrent says of them is
// kept, for those who still read the target to pass it on.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "bt/base/types.hpp"
#include "disk/extent_map.hpp"

namespace ezio {

// Any thread. What is kept is kept for good: a few sectors of a partition table.
class KeptBytes {
 public:
  // Before the device is changed: a read that ends later may have seen either.
  void keep(std::uint64_t device_offset, std::vector<std::byte> bytes);

  // Puts what is kept over what a read of the device brought: the bytes from torrent_offset on.
  void restore(const ExtentMap& map, std::uint64_t torrent_offset, MutableBytes data) const;

 private:
  struct Part {
    std::uint64_t device_offset;
    std::vector<std::byte> bytes;
  };
  mutable std::mutex mutex_;
  std::vector<Part> parts_;
};

}  // namespace ezio
