#include "tools/torrent/write_torrent.hpp"

#include "bt/base/errno_text.hpp"
#include "disk/small_file.hpp"

namespace ezio {

Outcome<Metainfo> write_torrent(const TorrentSpec& spec, const std::string& source,
                                const std::string& output) {
  const Result<std::string> torrent = build_metainfo(spec);
  if (!torrent) return failure(ExitCode::refused, path_error(source, torrent.error().message));
  Result<Metainfo> metainfo = parse_metainfo(as_bytes(*torrent), output);
  if (!metainfo) return failure(ExitCode::io_error, metainfo.error());
  if (Result<void> written = write_file_atomically(output, as_bytes(*torrent)); !written)
    return failure(ExitCode::io_error, written.error());
  return std::move(*metainfo);
}

}  // namespace ezio
