// Opening what a torrent's bytes are read from: a block device, an image file, a packed image, or a directory
// with one file an extent, named by its offset in hexadecimal, as partclone -T writes it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/device_file.hpp"
#include "disk/offset_directory.hpp"
#include "disk/op_queue.hpp"
#include "disk/packed_image.hpp"

namespace ezio {

// Opens a block device or image file read-only, for the page cache; refused when smaller than needed_bytes.
// Being mounted is no reason to refuse a source.
Result<DeviceFile> open_source_device(const std::string& path, std::uint64_t needed_bytes);

// The extents, as Metainfo guarantees them, of an opened device or image file (a target's too) that is large
// enough.
std::unique_ptr<IoFile> make_io_file(DeviceFile file, std::span<const Extent> extents,
                                     std::uint64_t owner = 0);
// The same of a directory that has a file for each of them. A few of perhaps a million are open at a time.
std::unique_ptr<IoFile> make_io_file(OffsetDirectory directory, std::span<const Extent> extents,
                                     std::uint64_t owner = 0);

// A packed image that holds these extents' bytes in this order.
Result<std::shared_ptr<const PackedImage>> open_packed_source(const std::string& path,
                                                              std::span<const Extent> extents);
// All of it, by torrent offset.
std::unique_ptr<IoFile> make_io_file(std::shared_ptr<const PackedImage> image, std::uint64_t owner = 0);

// How a block device is read. An image file is always read through the page cache: the server's serves late
// leechers long after our own buffers have gone on.
enum class SourceAccess { page_cache, direct };

// One of the three, by what `path` is; the files of a directory DIR may also lie in DIR/<name>.
Result<std::unique_ptr<IoFile>> open_source(const std::string& path, std::string_view name,
                                            std::span<const Extent> extents, SourceAccess access,
                                            std::uint64_t owner = 0);

}  // namespace ezio
