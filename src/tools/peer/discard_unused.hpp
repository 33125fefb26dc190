// --discard-unused, before the first write: the unused space of all targets at once.
#pragma once

#include <chrono>
#include <vector>

#include "tools/peer/job.hpp"

namespace ezio {

// Discards what each job has to, says what came of it, and returns when all is done. A device that does not
// answer is waited for no longer than a flush of it would be (0: for ever); what it says to the writes is the
// clone's end.
void discard_unused(const std::vector<PeerJob>& jobs, std::chrono::seconds io_timeout, PeerReport& report);

}  // namespace ezio
