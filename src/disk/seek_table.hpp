// The index at the end of a file of zstd frames, by which any of them is found: zstd's seekable format.
//
//   skippable frame (RFC 8878, 3.1.2), magic 0x184D2A5E:
//     a frame each: its bytes in the file, its plain bytes, the low 32 bits of the XXH64 of these   4 + 4 + 4
//     footer: number of frames, 0x80 (there are checksums), 0x8F92EAB1                              4 + 1 + 4
//
// All numbers little-endian. The frames lie one behind the other from the begin of the file to the table;
// what is no data (a skippable frame) has 0 plain bytes. Core file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio {

struct SeekEntry {
  std::uint32_t stored_bytes = 0;
  std::uint32_t plain_bytes = 0;
  std::uint32_t checksum = 0;
  auto operator<=>(const SeekEntry&) const = default;
};

inline constexpr std::size_t seek_footer_bytes = 9;
// 16 TiB of what is not zeros, at a MiB a frame; the table is held in memory.
inline constexpr std::uint32_t max_seek_frames = std::uint32_t{1} << 24;

// Of the whole skippable frame.
constexpr std::size_t seek_table_bytes(std::uint32_t frames) {
  return 8 + std::size_t{frames} * sizeof(SeekEntry) + seek_footer_bytes;
}

// How many frames the table has of which these are the last seek_footer_bytes bytes.
Result<std::uint32_t> parse_seek_footer(Bytes footer);

std::vector<std::byte> encode_seek_table(std::span<const SeekEntry> entries);

class SeekTable {
 public:
  // `table`: all of it. Sums cannot overflow; what the entries say is left to the caller.
  static Result<SeekTable> parse(std::vector<std::byte> table);

  struct Place {
    std::uint32_t frame = 0;
    std::uint64_t stored_offset = 0;  // in the file
    std::uint64_t plain_offset = 0;   // in the data
    SeekEntry entry;
  };
  std::uint32_t frames() const { return frames_; }
  std::uint64_t stored_bytes() const { return end_.stored_offset; }  // of all frames
  std::uint64_t plain_bytes() const { return end_.plain_offset; }
  Place place(std::uint32_t frame) const;        // < frames()
  Place find(std::uint64_t plain_offset) const;  // the frame with this byte; < plain_bytes()
  void advance(Place& place) const;              // to the next frame; from the last one to the end

 private:
  SeekEntry entry(std::uint32_t frame) const;

  std::vector<std::byte> table_;
  std::uint32_t frames_ = 0;
  std::vector<Place> marks_;  // every mark_distance frames
  Place end_;
};

}  // namespace ezio
