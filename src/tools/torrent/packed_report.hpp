// What `ezio-torrent show` and `check` say of a packed image.
#pragma once

#include <string>

#include "disk/packed_image.hpp"
#include "tools/common/outcome.hpp"

namespace ezio {

std::string describe_text(const PackedImage& image);  // several lines
std::string describe_json(const PackedImage& image);  // one object, one line

// Reads all of it. Prints each bad frame with where it lies in the file and what it held, then a summary
// line; or all of it as one JSON object. The outcome is the number of bad frames.
Outcome<std::size_t> check_packed(const std::string& path, bool json);

}  // namespace ezio
