// `ezio-torrent create`: from torrent.info, a directory of offset-named files or an image to a .torrent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bt/metainfo/metainfo.hpp"
#include "tools/common/outcome.hpp"

namespace ezio {

struct CreateOptions {
  enum class From { torrent_info, directory, image };
  From from = From::torrent_info;
  std::string source;  // path
  std::string name;
  std::vector<std::string> trackers;
  // Bytes. Unless told: of torrent.info partclone's, else what suits the amount of data.
  std::optional<std::uint32_t> piece_length;
  bool is_private = true;
  std::string output;  // path
};

// Writes the output, or leaves it as it was. Hashes a directory or image on all cores.
Outcome<Metainfo> create_torrent(const CreateOptions& options);

}  // namespace ezio
