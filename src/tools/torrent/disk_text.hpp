// What a torrent or a packed image says of a disk, as text and JSON.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bt/metainfo/disk_layout.hpp"
#include "disk/extent_map.hpp"

namespace ezio {

// JSON strings are UTF-8; a name that is not gets escaped.
boost::json::string json_text(std::string_view text);

boost::json::object json_disk(const DiskLayout& disk);
boost::json::array json_extents(const std::vector<Extent>& extents);
// A line each, as keys and values: of the disk, and of its partitions.
std::vector<std::pair<std::string, std::string>> disk_lines(const DiskLayout& disk);

// Where these bytes of the torrent lie on the disk.
std::vector<Extent> places_of(const ExtentMap& map, std::uint64_t torrent_offset, std::uint64_t length);
// "4096 bytes at offset 0x1000, …", of many places the first few.
std::string places_text(const std::vector<Extent>& places);

}  // namespace ezio
