// One planned operation being carried out: which system call is next, given what the last one returned.
//
// Continues short transfers, moves bytes through the bounce buffer, and takes an edge from its read to its
// write. Both backends drive it; neither decides anything.
//
// Core file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "disk/disk_engine.hpp"
#include "disk/write_plan.hpp"

namespace ezio {

// One system call to make, by whatever name: pread(2), pwrite(2), fdatasync(2), fallocate(2), or
// posix_fadvise(2). On a block device fdatasync does what fsync does (Linux, blkdev_fsync): waits for what
// the page cache holds, then flushes the device's volatile cache. On a file it includes the metadata that is
// needed to read the data back. On a block device FALLOC_FL_PUNCH_HOLE is a WRITE ZEROES that may unmap, and
// fails where the device does not promise zeros; FALLOC_FL_ZERO_RANGE falls back to writing them (Linux,
// blkdev_fallocate).
struct Transfer {
  enum class Kind : std::uint8_t { read, write, sync, punch_hole, zero_range, forget };
  Kind kind = Kind::sync;
  std::uint64_t offset = 0;     // bytes, on the device
  std::byte* memory = nullptr;  // only read from by a write
  std::uint32_t length = 0;     // bytes
};

class OpRun {
 public:
  // EINTR, EAGAIN and results too short to get past a sector: so many in a row are an error.
  static constexpr unsigned max_stalls = 100;

  OpRun() = default;
  // `bounce` holds op.length bytes at least; unused unless the op is bounced. Copies the caller's bytes of a
  // bounced write at once.
  OpRun(const DiskOp& op, std::uint32_t sector, std::byte* bounce);

  Transfer transfer() const;

  // Takes what the transfer returned: bytes, or a negated errno. True when transfer() has a next one to make;
  // false when the operation is over, see status().
  bool advance(std::int64_t result);

  // Ends the operation with this errno where it stands.
  void fail(int error);

  const IoStatus& status() const { return status_; }

 private:
  bool stall(int error);
  bool phase_over();
  bool next_way_to_zero();
  // Of the transfer, what must arrive: the sectors' tail after the useful bytes may lie beyond the file's
  // end.
  std::uint32_t wanted() const {
    return phase_ == Transfer::Kind::read && !is_edge() ? op_.skip + op_.useful : op_.length;
  }
  bool is_edge() const { return op_.kind == OpKind::edge; }
  std::byte* buffer() const { return op_.bounced ? bounce_ : op_.memory; }

  DiskOp op_;
  std::uint32_t sector_ = 1;
  std::byte* bounce_ = nullptr;
  Transfer::Kind phase_ = Transfer::Kind::sync;
  std::uint32_t done_ = 0;  // bytes of this phase's transfer, a multiple of the sector
  unsigned stalls_ = 0;     // results in a row without progress
  IoStatus status_;
};

}  // namespace ezio
