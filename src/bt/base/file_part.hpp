// Bytes of an open file: what sendfile(2) hands to a socket without a copy in between.
//
// Core file: names a descriptor, does nothing with it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace ezio {

// Some bytes of an open file.
struct FilePart {
  int fd = -1;
  std::uint64_t offset = 0;                    // in the file
  std::uint64_t length = 0;                    // bytes, > 0
  std::shared_ptr<const void> keep_open = {};  // where the descriptor is not the storage's for life
};
using FileParts = std::vector<FilePart>;

}  // namespace ezio
