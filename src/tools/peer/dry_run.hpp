// ezio-peer --dry-run: what a run would refuse, and what it would do where it would not.
#pragma once

#include <vector>

#include "tools/peer/job.hpp"

namespace ezio {

// Goes on from loaded torrents, and refuses what open_storages would. Nothing is written, made, extended or
// announced, nobody is listened for. Says what it found, in JSON mode as one object. The exit code of a run
// that refuses the same: that of the first pair that fails, else 0.
int dry_run(std::vector<PeerJob>& jobs, const PeerOptions& options, PeerReport& report);

}  // namespace ezio
