// From ezio-peer's options to torrents that are loaded, checked and opened.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bt/metainfo/metainfo.hpp"
#include "bt/swarm/memory_plan.hpp"
#include "disk/arena.hpp"
#include "disk/disk_engine.hpp"
#include "disk/end_clone.hpp"
#include "tools/common/outcome.hpp"
#include "tools/peer/options.hpp"
#include "tools/peer/report.hpp"

namespace ezio {

// One pair on its way: a pair that failed keeps its place, so that the others go on.
struct PeerJob {
  PeerPair pair;
  Metainfo metainfo;
  std::unique_ptr<Storage> storage;
  std::shared_ptr<const CloneEnding> ending;  // of a target
  std::optional<Failure> failure;
  bool ready() const { return !failure && storage != nullptr; }
};

// The pairs as jobs, their targets found, described and checked as far as that needs no torrent: nobody
// should wait for a server to learn that the disk is the wrong one.
std::vector<PeerJob> choose_targets(const PeerOptions& options, PeerReport& report);

// Reads the jobs' torrents, from files or by HTTP, where it waits for them, and holds them against their
// pins. The signal that ended the wait, or 0.
int load_torrents(std::vector<PeerJob>& jobs, const PeerOptions& options, PeerReport& report);

// The memory plan of the pairs that loaded.
Result<MemoryPlan> plan_memory(const std::vector<PeerJob>& jobs, std::uint32_t memory_mib);

// Checks and opens sources and targets as the options say.
void open_storages(std::vector<PeerJob>& jobs, DiskEngine& engine, const PeerOptions& options,
                   PeerReport& report);

// The trackers that can be announced to: http:// ones. Others are reported and left out.
std::vector<std::string> usable_trackers(const PeerJob& job, const std::vector<std::string>& instead,
                                         PeerReport& report);

}  // namespace ezio
