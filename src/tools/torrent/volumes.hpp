// What lies where on a physical volume of LVM.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio {

struct VolumeSegment {
  Extent place;        // bytes from the physical volume's begin
  std::string volume;  // the logical volume's name, "vg/lv"
  bool whole = false;  // this one segment is all of it, byte after byte
};

struct PhysicalVolume {
  std::uint64_t data_begin = 0;         // before it are label and metadata
  std::uint64_t data_end = 0;           // behind it may be more metadata
  std::vector<VolumeSegment> segments;  // that are in use, ascending
};

// Of the physical volume that fills this part of what is open at `fd`, as pvs(8) tells. Refused: one whose
// group has others too, since what is here would be of no use without them.
Result<PhysicalVolume> read_physical_volume(int fd, const Extent& part);

// What `pvs --segments --reportformat json` printed. `bytes`: of the physical volume.
Result<PhysicalVolume> parse_volume_report(std::string_view json, std::uint64_t bytes);

}  // namespace ezio
