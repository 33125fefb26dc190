// `ezio-torrent show`: a torrent as text or JSON.
#pragma once

#include <string>

#include "bt/metainfo/metainfo.hpp"

namespace ezio {

std::string describe_text(const Metainfo& metainfo);  // several lines
std::string describe_json(const Metainfo& metainfo);  // one object, one line

}  // namespace ezio
