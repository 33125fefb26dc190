#include "tools/torrent/create.hpp"

#include <cassert>

#include "bt/metainfo/extents.hpp"
#include "disk/bulk_hash.hpp"
#include "disk/small_file.hpp"
#include "tools/torrent/hash_source.hpp"
#include "tools/torrent/piece_length.hpp"
#include "tools/torrent/source.hpp"
#include "tools/torrent/write_torrent.hpp"

namespace ezio {
namespace {

Outcome<TorrentSource> open_source(const CreateOptions& options) {
  switch (options.from) {
    case CreateOptions::From::torrent_info:
      return source_from_torrent_info(options.source);
    case CreateOptions::From::directory:
      return source_from_directory(options.source);
    case CreateOptions::From::image:
      return source_from_image(options.source);
  }
  assert(false);
  return Failure{};
}

std::uint32_t piece_length_of(const CreateOptions& options, const TorrentSource& source) {
  if (options.piece_length) return *options.piece_length;
  return source.reader ? default_piece_length(total_length(source.extents)) : torrent_info_piece_length;
}

// Where partclone's hashes are known and the pieces are others, all is read twice.
Outcome<std::vector<Sha1Digest>> hashes_of(const CreateOptions& options, TorrentSource& source,
                                           std::uint32_t piece_length) {
  const auto geometry = [&source](std::uint32_t length) {
    return Geometry(total_length(source.extents), length);
  };
  if (!source.reader) return std::move(source.recorded_hashes);
  if (!source.recorded_hashes.empty()) {
    Outcome<std::vector<Sha1Digest>> found =
        hash_source(*source.reader, geometry(torrent_info_piece_length), "verifying");
    if (!found) return found;
    if (Outcome<void> checked = check_recorded(options.source, source, *found); !checked)
      return checked.error();
    if (piece_length == torrent_info_piece_length) return found;
  }
  return hash_source(*source.reader, geometry(piece_length), "hashing");
}

}  // namespace

Outcome<Metainfo> create_torrent(const CreateOptions& options) {
  Outcome<TorrentSource> source = open_source(options);
  if (!source) return source.error();
  if (Result<void> output = check_output_path(options.output); !output)
    return failure(ExitCode::io_error, output.error());
  const std::uint32_t piece_length = piece_length_of(options, *source);
  Outcome<std::vector<Sha1Digest>> hashes = hashes_of(options, *source, piece_length);
  if (!hashes) return hashes.error();

  TorrentSpec spec;
  spec.name = options.name;
  spec.piece_length = piece_length;
  spec.extents = std::move(source->extents);
  spec.piece_hashes = std::move(*hashes);
  spec.target_size = source->target_size;
  spec.is_private = options.is_private;
  spec.disk = std::move(source->disk);
  spec.trackers = options.trackers;
  return write_torrent(spec, options.source, options.output);
}

}  // namespace ezio
