// Whether a device can become a disk that a torrent is of.
#pragma once

#include <optional>

#include "bt/base/result.hpp"
#include "bt/metainfo/disk_layout.hpp"
#include "disk/device_file.hpp"

namespace ezio {

// Refused: a device with other sectors, in which the same partition table means other places; and a
// partition, in which nobody looks for a table. An image file has neither. (That it is large enough,
// open_target sees to.) `target` is open, and knows its identity.
std::optional<Error> refuse_unfit(const DeviceFile& target, const DiskLayout& layout);

}  // namespace ezio
