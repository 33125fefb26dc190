// `ezio-torrent pack`, `unpack`, and the packed image of `capture`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bt/frame/frame.hpp"
#include "disk/packed_writer.hpp"
#include "disk/source_reader.hpp"
#include "tools/common/outcome.hpp"

namespace ezio {

struct PackOptions {
  std::string source;  // as source_to_pack takes it
  std::string output;  // path
  int level = default_frame_level;
  unsigned jobs = 0;  // threads; 0: one a core
};

// Replaces the output, or leaves it as it was. What partclone's torrent.info in a directory records is
// compared. Call watch_interrupts() before.
Outcome<void> pack(const PackOptions& options);

struct UnpackOptions {
  std::string source;               // packed image
  std::optional<std::string> file;  // path: an image of the disk, sparse
  std::optional<std::string> dump;  // path: a directory to make
  unsigned jobs = 0;
};

// To one of the two, or leaves it as it was. Call watch_interrupts() before.
Outcome<void> unpack(const UnpackOptions& options);

// pack_source (disk/bulk_pack.hpp) with a line of progress.
Outcome<std::vector<Sha1Digest>> pack_with_progress(SourceReader& source, std::uint64_t length,
                                                    PackedWriter& writer, const std::string& label, int level,
                                                    unsigned jobs, std::optional<std::uint32_t> piece_length);

// "lab.ezio: 10.5 GB of data in 4.61 GB (43.9 %)"
void print_packed(const std::string& path);

}  // namespace ezio
