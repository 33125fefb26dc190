// Where verified pieces go and served pieces come from: torrent offsets in, device extents out.
//
// A Storage is one opened target or source; a DiskEngine runs the I/O of all of them. Neither calls back:
// requests are queued, submit() hands them to the kernel or to threads, completions are drained when
// event_fd() becomes readable. Everything here is used by one thread, the event loop's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bt/metainfo.hpp"
#include "bt/result.hpp"
#include "bt/types.hpp"

namespace ezio {

// The outcome of one read, write or flush. Short transfers have been continued; success means all of it.
struct IoStatus {
  int error = 0;                    // errno, 0 for success; EIO for an unexpected end of file
  std::uint64_t device_offset = 0;  // where on the device (or in which offset-named file) it failed
  bool ok() const { return error == 0; }
};

struct IoCompletion {
  std::uint64_t owner = 0;  // the value that Storage was opened with
  std::uint64_t token = 0;  // the value the request was made with
  IoStatus status;
};

// Some bytes of an open file.
struct FilePart {
  int fd = -1;
  std::uint64_t offset = 0;                    // in the file
  std::uint64_t length = 0;                    // bytes, > 0
  std::shared_ptr<const void> keep_open = {};  // where the descriptor is not the storage's for life
};
using FileParts = std::vector<FilePart>;

class Storage {
 public:
  virtual ~Storage() = default;  // with requests in flight: waits for them; their completions are dropped

  // Reads / writes torrent bytes [torrent_offset, torrent_offset + data.size()). `data` must stay valid and,
  // for writes, unchanged until the completion. Fast when `data` lies in the engine's arena, aligned to 4
  // KiB, and the extents are multiples of the logical sector; correct always. Two writes in flight never
  // cover the same torrent bytes; they may meet inside one sector.
  virtual void read(std::uint64_t token, std::uint64_t torrent_offset, MutableBytes data) = 0;
  virtual void write(std::uint64_t token, std::uint64_t torrent_offset, Bytes data) = 0;

  // (torrent_offset, length, max_parts): where the bytes lie in files, in order, if they can be sent from
  // there: read through the page cache, and in no more parts than that. Else empty, as when a file cannot be
  // opened. Whether they are in the page cache is another question (disk/file_parts.hpp). A part is valid as
  // long as the storage and its keep_open.
  virtual FileParts file_parts(std::uint64_t, std::uint64_t, std::size_t) const { return {}; }

  // Makes every completed write durable (fdatasync, for a device also its volatile cache). Only with no
  // writes in flight.
  virtual void flush(std::uint64_t token) = 0;

  // "io_uring, O_DIRECT, 512-byte sectors" or "threads, buffered (tmpfs has no O_DIRECT)": for the user.
  virtual std::string description() const = 0;
};

class DiskEngine {
 public:
  virtual ~DiskEngine() = default;
  virtual int event_fd() const = 0;  // readable when completions wait; drain() clears it
  virtual void submit() = 0;         // starts what was queued; never blocks for the disk
  virtual void drain(std::vector<IoCompletion>& out) = 0;  // appends
  virtual std::string description() const = 0;  // which backend, and why not io_uring where it is not
};

struct DiskOptions {
  enum class Backend { automatic, uring, threads };
  Backend backend = Backend::automatic;  // automatic: io_uring where the kernel lets us, else threads
  MutableBytes arena;         // registered with the ring for direct I/O where RLIMIT_MEMLOCK allows it
  unsigned queue_depth = 64;  // requests in the kernel at once; more are queued behind them
};
// Never fails for want of io_uring: falls back to threads and says so in description(). Errors are for
// Backend::uring demanded and not available, or for no threads or eventfd.
Result<std::unique_ptr<DiskEngine>> make_disk_engine(const DiskOptions& options);

}  // namespace ezio
