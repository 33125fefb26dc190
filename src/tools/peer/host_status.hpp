// What this host tells a tracker of ours about itself: the makings of a HostReport.
#pragma once

#include <cstdint>

#include "bt/base/bitfield.hpp"
#include "bt/swarm/swarm.hpp"
#include "bt/wire/host_report.hpp"
#include "tools/peer/job.hpp"

namespace ezio {

// Name, version; everything else is empty yet.
HostReport host_report_of_this_host();

// A pair's target or source, with the model and serial number of its disk. `state` is that of its download,
// unless it failed by itself.
TargetReport target_report(const PeerJob& job, HostState state);

// How far a pair is beyond what its download says.
enum class PairStage {
  cloning,    // or seeding
  finishing,  // complete; its last works are pending or under way
  complete,
  failed,
};

// How far a download, or a seed, is.
HostState host_state(const SwarmStats& stats, bool seeding, PairStage stage);

// Puts the swarm's figures into the report.
void add_progress(HostReport& report, const SwarmStats& stats, const Bitfield& have,
                  std::uint32_t piece_length);

// Tells the trackers of a pair that was refused why, where they are ours and want to know; of any other pair,
// nobody. Waits for them, a few seconds at most; what goes wrong is nobody's concern any more.
void tell_refusal(const PeerJob& job, const PeerOptions& options);

}  // namespace ezio
