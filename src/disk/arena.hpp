// The memory behind the segment pool: one mapping, cut into equal buffers.
#pragma once

#include <cstdint>
#include <thread>

#include "bt/base/types.hpp"

namespace ezio {

// Aligned to 2 MiB and backed by huge pages where the kernel has them: fewer TLB misses while hashing many
// streams, fewer pages to pin for direct I/O. Memory is committed as it is first touched or registered.
class Arena {
 public:
  // Throws std::system_error when the address space or memory is not to be had.
  Arena(std::uint32_t buffers, std::uint32_t buffer_bytes);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Commits the memory on a thread of its own, first buffer first, for a user who will soon want all of it:
  // the kernel clears pages while others wait for the network. Where it cannot (before Linux 5.14), pages are
  // committed at first touch, as without this. At most once.
  void commit_in_background();

  MutableBytes bytes() const { return bytes_; }
  MutableBytes buffer(BufferId id) const {
    return bytes_.subspan(std::size_t{id.value()} * buffer_bytes_, buffer_bytes_);
  }

 private:
  MutableBytes mapping_;  // bytes_ and the slack around its alignment
  MutableBytes bytes_;
  std::uint32_t buffer_bytes_;
  std::jthread committer_;  // last: joined before the memory goes
};

}  // namespace ezio
