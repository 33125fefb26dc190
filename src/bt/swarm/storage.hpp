// What a swarm needs of a disk: where verified pieces go and served pieces come from, by torrent offset.
//
// A Storage is one opened target or source. It never calls back: requests are queued and completions are
// drained from what runs it (disk/disk_engine.hpp, or the simulation's disks). Everything here is used by one
// thread, the event loop's. Core file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bt/base/file_part.hpp"
#include "bt/base/types.hpp"

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

// How a storage would like to be used.
struct StorageTraits {
  bool sequential = false;  // a spinning disk: reads in ascending order, not side by side
  bool cached = false;      // reads and writes go through a cache of the kernel, not to the device
  bool packed = false;      // its bytes are stored as frames, see Storage::stored_frame
};

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

  // Where these bytes lie in a file as one zstd frame (bt/frame/frame.hpp), no longer than
  // largest_frame_bytes(length), and nothing else does: what can be sent to one of our own peers as it is,
  // and read with one pread(2). Empty where they do not, where they are stored as they are or are zeros, and
  // for all but packed images (disk/packed_image.hpp), whose frames hold a MiB each, counted from torrent
  // offset 0, the last one perhaps less: a torrent with shorter segments has none. Any thread. The part is
  // valid as long as the storage; what it holds has not been looked at, read() looks.
  virtual std::optional<FilePart> stored_frame(std::uint64_t /*torrent_offset*/,
                                               std::uint64_t /*length*/) const {
    return {};
  }

  // Writes zeros over [torrent_offset, torrent_offset + length): by what makes the device or file system
  // write them, or forget that there was anything else, where it promises that they read as zeros from then
  // on; else by writing. A write in the sense of everything above.
  virtual void zero(std::uint64_t token, std::uint64_t torrent_offset, std::uint64_t length) = 0;

  // Makes every completed write durable (fdatasync, for a device also its volatile cache). Only with no
  // writes in flight. `forget`: and then drops what the kernel has cached of it, so that the next read is
  // the device's answer.
  enum class Cached { keep, forget };
  virtual void flush(std::uint64_t token, Cached cached) = 0;

  // Whether all of it lies in holes of a file, as far as the file system tells: it reads as zeros.
  virtual bool is_hole(std::uint64_t /*torrent_offset*/, std::uint64_t /*length*/) const { return false; }
  virtual StorageTraits traits() const { return {}; }

  // "io_uring, O_DIRECT, 512-byte sectors" or "threads, buffered (tmpfs has no O_DIRECT)": for the user.
  virtual std::string description() const = 0;
};

}  // namespace ezio
