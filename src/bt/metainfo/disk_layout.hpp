// What a torrent of a whole disk says about that disk: its sectors, its partition table, its partitions.
//
// It stands in the torrent's `info`, under `disk layout`, so that the info-hash covers it; other clients pass
// over it:
//
//   d 10:partitions l d 6:length i…e 4:name … 6:number i…e 6:offset i…e 4:type … 4:used i…e e … e
//     11:sector size i512e 5:table 3:gpt e
//
// Core file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio {
namespace bencode {
class Node;
}

inline constexpr std::string_view disk_key = "disk layout";
inline constexpr std::size_t max_partitions = 1024;
inline constexpr std::size_t max_layout_text_bytes = 255;  // of each name and type

struct DiskPartition {
  std::uint32_t number = 0;  // as the kernel counts: 1 is /dev/sda1
  std::uint64_t offset = 0;  // bytes, from the disk's first one
  std::uint64_t length = 0;  // bytes, > 0
  std::uint64_t used = 0;    // bytes of it that the torrent has
  std::string type;          // what is in it, by libblkid's name: "ext4"; empty where that is not known
  std::string name;          // its own, or its file system's label; may be empty
  bool operator==(const DiskPartition&) const = default;
};

struct DiskLayout {
  std::uint32_t sector_bytes = 512;  // logical ones, in which partition tables count
  std::string table;                 // by libblkid's name: "gpt", "dos"
  std::vector<DiskPartition> partitions;
  bool operator==(const DiskLayout&) const = default;
};

// The dict that `disk layout` stands for.
void append_disk_layout(std::string& out, const DiskLayout& layout);

// What is wrong with it begins with the field: "disk layout.sector size: 77 is …". Texts are any bytes.
Result<DiskLayout> parse_disk_layout(bencode::Node node);

}  // namespace ezio
