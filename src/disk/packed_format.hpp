// What a packed image is made of: a torrent's data in one file of zstd frames, which `zstd -d` unpacks.
//
//   skippable frame, magic 0x184D2A50: "EZIOPACK", the XXH64 of what follows (8 bytes), and a bencoded dict:
//     d 11:disk layout d … e 7:extents N:<8 bytes offset, 8 bytes length, each> 11:target size i…e
//     7:version i1e e                               "disk layout" as in a torrent, where it is of a whole
//     disk
//   zstd frames of the extents' bytes, concatenated in their order, each of
//     a MiB (the last one perhaps less), compressed, or as raw blocks where that does not shrink it by 5 %;
//     or 1 to 1024 MiB of zeros, as RLE blocks: 32 bytes a MiB
//   a seek table (disk/seek_table.hpp), whose first entry is the skippable frame
//
// Core file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bt/base/geometry.hpp"
#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "bt/metainfo/disk_layout.hpp"

struct XXH64_state_s;

namespace ezio {

inline constexpr std::uint32_t packed_unit_bytes = max_segment_bytes;  // plain bytes of a frame
inline constexpr std::uint32_t max_zero_frame_bytes = 1024 * MiB;      // plain bytes of a frame of zeros
inline constexpr std::size_t packed_magic_bytes = 16;                  // by which the file is known
inline constexpr std::size_t max_packed_header_bytes = 48 * std::size_t{MiB};

struct PackedHeader {
  std::vector<Extent> extents;     // as Metainfo has them
  std::uint64_t target_size = 0;   // the same
  std::optional<DiskLayout> disk;  // the same
};

// The whole skippable frame.
std::vector<std::byte> encode_packed_header(const PackedHeader& header);

// The length of that frame, by a file's first packed_magic_bytes; empty where that is no packed image.
std::optional<std::uint64_t> packed_header_bytes(Bytes beginning);

Result<PackedHeader> parse_packed_header(Bytes frame);

// The low 32 bits of XXH64.
std::uint32_t plain_checksum(Bytes plain);

// plain_checksum of zeros, each length in time that it takes to go beyond the longest before it.
class ZeroChecksums {
 public:
  ZeroChecksums();
  ~ZeroChecksums();
  std::uint32_t of(std::uint32_t plain_bytes);  // 1 to max_zero_frame_bytes

 private:
  struct Free {
    void operator()(XXH64_state_s* state) const;
  };
  std::unique_ptr<XXH64_state_s, Free> state_;  // after known_.size() MiB
  std::vector<std::uint32_t> known_;            // of 1, 2, 3 … MiB
};

// A frame of so many zeros, and of these bytes (up to a MiB) as they are; and the bytes that these take.
std::vector<std::byte> encode_zero_frame(std::uint32_t plain_bytes);
std::vector<std::byte> encode_raw_frame(Bytes plain);
std::uint32_t zero_frame_bytes(std::uint32_t plain_bytes);
std::uint32_t raw_frame_bytes(std::uint32_t plain_bytes);

}  // namespace ezio
