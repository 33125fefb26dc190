// A copy of what is being hashed: a directory of files named by their offset on the disk, as partclone -T
// writes them and ezio-peer --seed reads them.
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
  virtual ~Dump() = default;

  // Reads `source`, and writes what it has read. Blocks of zeros become holes. `source` and this outlive it.
  virtual std::unique_ptr<SourceReader> copying(SourceReader& source) = 0;

  // With everything read once: makes it durable and gives it its name.
  virtual Result<void> finish() = 0;
};

}  // namespace ezio
