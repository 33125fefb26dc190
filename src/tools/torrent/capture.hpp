// `ezio-torrent capture`: a whole disk, or a partition, to a .torrent, with nothing prepared.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bt/frame/frame.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "tools/common/outcome.hpp"

namespace ezio {

struct CaptureOptions {
  std::string source;  // path of a block device or image file
  std::string name;
  std::vector<std::string> trackers;
  std::optional<std::uint32_t> piece_length;  // bytes; unless told what suits the amount of data
  bool is_private = true;
  std::string output;               // path
  std::optional<std::string> dump;  // a directory to make, with all that the torrent has
  std::optional<std::string> pack;  // a packed image to make of it
  int level = default_frame_level;  // of that
  std::set<std::uint32_t> whole;    // partitions of which every block is taken
  unsigned jobs = 0;                // hashing threads; 0: one a core
  bool plan_only = false;           // say what would be read, and end
};

// Says on stdout what it will take, reads it once, and writes the output, or leaves it as it was. Refused:
// what is mounted or in use, and what plan_capture refuses. A device is held exclusively meanwhile. Empty
// after plan_only. Call watch_interrupts() before: an interrupt leaves neither torrent nor dump nor packed
// image.
Outcome<std::optional<Metainfo>> capture(const CaptureOptions& options);

}  // namespace ezio
