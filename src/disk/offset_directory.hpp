// A directory of files that are named by the hexadecimal device offset of their contents, as partclone -T
// writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/unique_fd.hpp"

namespace ezio {

struct OffsetDirectory {
  std::string path;
  UniqueFd fd;
  std::vector<Extent> files;  // ascending by offset; the length is the file's
  // How a file's name is written, where it is not offset_name(): fewer digits or capitals.
  std::unordered_map<std::uint64_t, std::string> spellings;
  bool has_torrent_info = false;        // a file torrent.info is there
  std::optional<std::string> stranger;  // one other name, where there is any

  std::string name_of(std::uint64_t offset) const;
  const Extent* find(std::uint64_t offset) const;  // null when there is no such file
};

// Reads the directory and the sizes of its files. Errors: the directory or one of its files cannot be read,
// or a file named by an offset is not a regular file, or two names mean the same offset.
Result<OffsetDirectory> scan_offset_directory(const std::string& path);

// The directory of a torrent's extents: `path`/`name` where there is such a directory, else `path`. `name` is
// one path element, as Metainfo guarantees. Refused where the file of an extent is missing or has another
// length.
Result<OffsetDirectory> open_offset_directory(const std::string& path, std::string_view name,
                                              std::span<const Extent> extents);

bool is_directory(const std::string& path);

}  // namespace ezio
