// A torrent as this program understands it: extents of a device, pieces, trackers (BEP 3, BEP 12, BEP 27).
//
// The last path element of each file of a multi-file torrent is the hexadecimal byte offset of an extent on
// the device; those before it are folders, the same for all files, and part of the torrent's name. A
// single-file torrent is one extent at offset 0. The info-hash is taken over the raw bytes of `info` as they
// stand in the file, never over a re-encoding.
//
// Core file: parses and builds bytes, opens nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bt/base/geometry.hpp"
#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "bt/metainfo/disk_layout.hpp"

namespace ezio {

inline constexpr std::uint64_t max_device_bytes = std::uint64_t{1} << 63;  // offsets and ends stay below
inline constexpr std::size_t max_torrent_bytes = std::size_t{512} * MiB;   // of a .torrent or torrent.info
inline constexpr std::size_t max_extents = 2'500'000;
inline constexpr std::size_t max_trackers = 100;
inline constexpr std::size_t max_name_bytes = 255;  // a path element of Linux; of the whole name, too

struct Metainfo {
  std::string name;                      // `name` of info and the folders: a label, never a path to write to
  std::uint32_t piece_length = 0;        // bytes, a power of two
  std::uint64_t total_length = 0;        // bytes, the sum of all extents
  std::vector<Extent> extents;           // in torrent order; non-empty, disjoint, each length > 0
  std::vector<Sha1Digest> piece_hashes;  // one a piece
  std::uint64_t target_size = 0;         // bytes the target device must have at least
  bool is_private = false;               // BEP 27
  bool single_file = false;              // built from `length`, not `files`
  std::vector<std::string> trackers;     // announce-list (BEP 12) flattened, or announce; no duplicates
  std::optional<DiskLayout> disk;        // of a whole disk, where the torrent says what is on it
  InfoHash info_hash;

  Geometry geometry() const { return {total_length, piece_length}; }
};

// Parses a .torrent. `source` names the file or URL in error messages. Everything foreign is checked: types,
// ranges, overlaps, sums, the number of hashes. Cost is linear in the size of the file but for one sort of
// the extents.
Result<Metainfo> parse_metainfo(Bytes torrent, std::string_view source);

// What build_metainfo needs; the counterpart of parse_metainfo, which accepts every result.
struct TorrentSpec {
  std::string name;  // "sda1"; of "vg/lv" what follows the first slash becomes folders
  std::uint32_t piece_length = 16 * MiB;
  std::vector<Extent> extents;
  std::vector<Sha1Digest> piece_hashes;
  std::uint64_t target_size = 0;
  bool is_private = true;
  std::optional<DiskLayout> disk;
  std::vector<std::string> trackers;  // in the order given; the first is `announce`
};

// The bytes of the .torrent file: v1, multi-file, file names of 32 hexadecimal digits in lower case (as
// partclone names them). An error when the spec itself breaks a rule that parse_metainfo checks.
Result<std::string> build_metainfo(const TorrentSpec& spec);

// partclone's torrent.info (partclone -T or -t): `block_size:`, `blocks_total:`, `offset:`/`length:` pairs in
// hexadecimal and one `sha1:` line a 16 MiB piece of the concatenated extents.
struct TorrentInfo {
  std::uint64_t block_size = 0;    // bytes; 0 where the file has no such line (older partclone)
  std::uint64_t blocks_total = 0;  // of block_size
  std::vector<Extent> extents;
  std::vector<Sha1Digest> piece_hashes;
};
inline constexpr std::uint32_t torrent_info_piece_length = 16 * MiB;
Result<TorrentInfo> parse_torrent_info(Bytes text, std::string_view source);

// A file name of an offset-named torrent or directory: 1-32 hexadecimal digits, either case, value < 2^63.
std::optional<std::uint64_t> parse_hex_offset(std::string_view name);

}  // namespace ezio
