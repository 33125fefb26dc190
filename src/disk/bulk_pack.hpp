// Packs a source into a packed image on all cores, and hashes it on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "bt/base/geometry.hpp"
#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/packed_writer.hpp"
#include "disk/source_reader.hpp"

namespace ezio {

struct BulkPackOptions {
  unsigned threads = 0;  // 0: one a core
  int level = default_frame_level;
  std::optional<std::uint32_t> piece_length;  // of pieces to hash
  // Called on the calling thread a few times a second with the bytes packed so far; false stops the work,
  // which then ends in the error ECANCELED.
  std::function<bool(std::uint64_t bytes_done)> progress;
};

// Reads `length` bytes once, holes not at all, and gives them to `writer`, which is left to be finished.
// Blocks until done; the first error ends it. Returns the digest of every piece. What waits for its turn to
// be written takes a piece of memory a thread, or 4 MiB without hashes; 1 GiB at most.
Result<std::vector<Sha1Digest>> pack_source(SourceReader& source, std::uint64_t length, PackedWriter& writer,
                                            const BulkPackOptions& options);

}  // namespace ezio
