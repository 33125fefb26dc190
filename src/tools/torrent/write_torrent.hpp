// A torrent that has been described, on its way to its file.
#pragma once

#include <string>

#include "bt/metainfo/metainfo.hpp"
#include "tools/common/outcome.hpp"

namespace ezio {

// Replaces `output` by the torrent, or leaves it as it was. A spec that makes none is the fault of `source`,
// what it was made of.
Outcome<Metainfo> write_torrent(const TorrentSpec& spec, const std::string& source,
                                const std::string& output);

}  // namespace ezio
