// `ezio-torrent check`: hashes a device, image or directory against a torrent.
#pragma once

#include <string>

#include "bt/metainfo/metainfo.hpp"
#include "tools/common/outcome.hpp"

namespace ezio {

// Prints each bad piece with where it lies on the device, then a summary line; or all of it as one JSON
// object. The outcome is the number of bad pieces.
Outcome<std::size_t> check_source(const Metainfo& metainfo, const std::string& path, bool json);

}  // namespace ezio
