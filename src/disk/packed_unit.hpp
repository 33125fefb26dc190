// A MiB of a torrent's data as it is stored in a packed image.
#pragma once

#include <cstdint>
#include <vector>

#include "bt/frame/frame.hpp"
#include "disk/packed_format.hpp"

namespace ezio {

struct PackedUnit {
  std::uint64_t plain_bytes = 0;  // up to a MiB; of zeros as many as there are
  std::vector<std::byte> stored;  // one zstd frame; empty: zeros
  std::uint32_t checksum = 0;     // not of zeros
};

class UnitPacker {
 public:
  explicit UnitPacker(int level)
      : packer_(level, FramePacker::Use::stored), room_(largest_frame_bytes(packed_unit_bytes)) {}

  // Compressed; as raw blocks where that does not shrink it by 5 %; or zeros.
  PackedUnit pack(Bytes plain);

 private:
  FramePacker packer_;
  std::vector<std::byte> room_;
};

}  // namespace ezio
