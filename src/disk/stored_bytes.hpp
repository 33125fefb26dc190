// Bytes of a source that do not lie in a file as they are.
#pragma once

#include <cstdint>
#include <optional>

#include "bt/base/file_part.hpp"
#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio {

// By torrent offset. Any thread, several at once.
class StoredBytes {
 public:
  virtual ~StoredBytes() = default;
  virtual Result<void> read(std::uint64_t offset, MutableBytes data) const = 0;
  // Whether all of it is known to be zeros.
  virtual bool is_hole(std::uint64_t offset, std::uint64_t length) const = 0;
  // See Storage::stored_frame.
  virtual std::optional<FilePart> stored_frame(std::uint64_t offset, std::uint64_t length) const = 0;
};

}  // namespace ezio
