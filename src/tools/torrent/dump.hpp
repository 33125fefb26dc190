// A copy of what is being read: a directory of files named by their offset on the disk, as partclone -T
// writes them and ezio-peer --seed reads them, or an image of the disk.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/source_reader.hpp"

namespace ezio {

// Writes to PATH.partial, which becomes PATH when all is there. Until then, and on every error, there is no
// PATH; what was written goes with this object.
class Dump {
 public:
  // Refused where PATH or PATH.partial is there already, or cannot be made. Files get their lengths at once.
  static Result<std::unique_ptr<Dump>> create(const std::string& path, std::span<const Extent> extents);
  // One file of so many bytes, with all at its place. It replaces PATH; refused where that is there and no
  // file.
  static Result<std::unique_ptr<Dump>> create_image(const std::string& path, std::span<const Extent> extents,
                                                    std::uint64_t disk_bytes);
  virtual ~Dump() = default;

  // Bytes from torrent_offset on; blocks of zeros become holes. Any thread; no byte twice.
  virtual Result<void> write(std::uint64_t torrent_offset, Bytes data) = 0;

  // Reads `source`, and writes what it has read. `source` and this outlive it.
  std::unique_ptr<SourceReader> copying(SourceReader& source);

  // With everything read once: makes it durable and gives it its name.
  virtual Result<void> finish() = 0;
};

}  // namespace ezio
