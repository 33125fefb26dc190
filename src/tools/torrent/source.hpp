// What `ezio-torrent create` makes a torrent of: extents, the size of the target, and hashes or a way to
// them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bt/metainfo/metainfo.hpp"
#include "disk/source_reader.hpp"
#include "tools/common/outcome.hpp"

namespace ezio {

struct TorrentSource {
  std::vector<Extent> extents;
  std::uint64_t target_size = 0;         // bytes
  std::optional<DiskLayout> disk;        // of a packed image of a whole disk
  std::unique_ptr<SourceReader> reader;  // null where only torrent.info is known
  // partclone's hashes for pieces of torrent_info_piece_length; empty where there is no torrent.info.
  std::vector<Sha1Digest> recorded_hashes;
};

Outcome<TorrentSource> source_from_torrent_info(const std::string& path);

// A torrent.info in the directory must list exactly the files that are there.
Outcome<TorrentSource> source_from_directory(const std::string& path);

// Every byte of it: in an image a hole is data that reads as zeros. Of a packed image what was packed.
Outcome<TorrentSource> source_from_image(const std::string& path);

// What partclone -c writes, from a file or, as "-", from standard input. It can be read once, in order.
Outcome<TorrentSource> source_from_partclone(const std::string& path);

// What `pack` takes, which reads once: one of the last three, by what it is.
Outcome<TorrentSource> source_to_pack(const std::string& path);

// Data that is no longer what partclone read would be spread as a good clone: refused where `found`, of
// pieces of torrent_info_piece_length, differs from recorded_hashes. `path` is for the message.
Outcome<void> check_recorded(const std::string& path, const TorrentSource& source,
                             std::span<const Sha1Digest> found);

}  // namespace ezio
