// Blocking reads of a source by torrent offset, for hashing it from several threads: `ezio-torrent create`
// and `check`, `ezio-peer --verify-source`. (Serving peers goes through Storage instead.)
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/op_queue.hpp"
#include "disk/packed_image.hpp"

namespace ezio {

class SourceReader {
 public:
  virtual ~SourceReader() = default;

  // Fills `data` with the torrent's bytes from torrent_offset on. Any thread, several at once. An error names
  // the file, the offset in it and the cause.
  virtual Result<void> read(std::uint64_t torrent_offset, MutableBytes data) = 0;

  // Whether all of these bytes lie in holes of a file, as far as the file system tells: they are zeros. Any
  // thread.
  virtual bool is_hole(std::uint64_t /*torrent_offset*/, std::uint64_t /*length*/) { return false; }
  // Reading less than so many bytes from a multiple of it on costs as much as reading all of them.
  virtual std::uint32_t unit_bytes() const { return 1; }
  // It lies on a spinning disk, which had better be read in one ascending sweep.
  virtual bool sequential() const { return false; }
};

// Of a source that is read through the page cache, and of a packed image.
std::unique_ptr<SourceReader> make_source_reader(std::unique_ptr<IoFile> source);
std::unique_ptr<SourceReader> make_source_reader(std::shared_ptr<const PackedImage> image);

// open_source (disk/source.hpp), and a reader of it.
Result<std::unique_ptr<SourceReader>> open_source_reader(const std::string& path, std::string_view name,
                                                         std::span<const Extent> extents);

}  // namespace ezio
