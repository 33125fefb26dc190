// Hashing a source with a line of progress: create, capture and check.
#pragma once

#include <string>
#include <vector>

#include "bt/base/geometry.hpp"
#include "disk/bulk_hash.hpp"
#include "tools/common/outcome.hpp"

namespace ezio {

// The digest of every piece. `label`: what is being done, "hashing". Ended by one of watch_interrupts()'
// signals, as by a read error. `threads` as BulkHashOptions has them.
Outcome<std::vector<Sha1Digest>> hash_source(SourceReader& source, const Geometry& geometry,
                                             const std::string& label, unsigned threads = 0);

}  // namespace ezio
