// Signatures on a target that are not the clone's: found, and wiped.
#pragma once

#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/device_file.hpp"
#include "disk/signatures.hpp"

namespace ezio {

// Whether a byte of the signature lies in an extent.
bool in_extents(const std::vector<Extent>& extents, const Signature& signature);

// What libblkid finds outside the extents, and the backup of a GPT in the last sector, which it does not
// look for where there is a good table. `fd` reads the target through the page cache.
Result<std::vector<Signature>> find_old_signatures(int fd, const DeviceFile& target,
                                                   const std::vector<Extent>& extents);

// Writes zeros over its magic bytes and nothing else: what shares their sectors is written back as it was.
// For that nobody else may write there meanwhile.
Result<void> wipe(const DeviceFile& target, const Signature& signature);

}  // namespace ezio
