// Which devices and files a run will write, and whether it may.
#pragma once

#include <vector>

#include "bt/base/result.hpp"
#include "disk/device_file.hpp"
#include "disk/target.hpp"
#include "tools/peer/job.hpp"

namespace ezio {

// The pairs as jobs, their targets found, described and checked as far as that needs no torrent: nobody
// should wait for a server to learn that the disk is the wrong one. Two pairs must not write the same bytes,
// and none what another one seeds. A device that does not answer is refused after --io-timeout, here and
// below.
std::vector<PeerJob> choose_targets(const PeerOptions& options, PeerReport& report);

// Opens a chosen target for its torrent, or refuses it.
Result<DeviceFile> open_chosen(const PeerJob& job, const PeerOptions& options);
// What that would come to; changes nothing.
Result<TargetPreview> preview_chosen(const PeerJob& job, const PeerOptions& options);

}  // namespace ezio
