// Hashes a whole torrent's worth of a source on all cores and all SIMD lanes, or a single piece of it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "bt/base/geometry.hpp"
#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "bt/sha1/sha1.hpp"
#include "disk/source_reader.hpp"

namespace ezio {

struct BulkHashOptions {
  unsigned threads = 0;  // 0: one a core; a sequential source is read by one
  Sha1Kind kind = sha1_default_kind();
  // Called on the calling thread a few times a second with the bytes hashed so far; false stops the work,
  // which then ends in the error ECANCELED.
  std::function<bool(std::uint64_t bytes_done)> progress;
};

// The digest of every piece; holes are not read. Blocks until done; the first read error ends it.
Result<std::vector<Sha1Digest>> hash_pieces(SourceReader& source, const Geometry& geometry,
                                            const BulkHashOptions& options);

// Of one piece, in the calling thread; the read error where there is one.
Result<Sha1Digest> hash_piece(SourceReader& source, const Geometry& geometry, PieceIndex piece);

// The pieces whose digests differ; both have one a piece.
std::vector<PieceIndex> differing_pieces(std::span<const Sha1Digest> found,
                                         std::span<const Sha1Digest> wanted);

}  // namespace ezio
