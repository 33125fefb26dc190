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
#include "disk/offset_directory.hpp"
#include "disk/target.hpp"

namespace ezio {

class SourceReader {
 public:
  virtual ~SourceReader() = default;

  // Fills `data` with the torrent's bytes from torrent_offset on. Any thread, several at once. An error names
  // the file, the offset in it and the cause.
  virtual Result<void> read(std::uint64_t torrent_offset, MutableBytes data) = 0;
};

// A block device or image file, opened for reading through the page cache.
struct SourceFile {
  std::string path;
  UniqueFd fd;
  std::uint64_t size = 0;  // bytes
  bool block_device = false;
};
// Refused: what cannot be opened, and what is neither a block device nor a regular file.
Result<SourceFile> open_source_file(const std::string& path);

// Readers of extents as Metainfo guarantees them. A file smaller than they need is refused; every extent has
// its file in the directory.
Result<std::unique_ptr<SourceReader>> make_file_reader(SourceFile file, std::span<const Extent> extents);
std::unique_ptr<SourceReader> make_directory_reader(OffsetDirectory directory,
                                                    std::span<const Extent> extents);

// Either of the two, by what `path` is; in a directory DIR the files may also lie in DIR/<name>.
Result<std::unique_ptr<SourceReader>> open_source_reader(const std::string& path, std::string_view name,
                                                         std::span<const Extent> extents);

}  // namespace ezio
