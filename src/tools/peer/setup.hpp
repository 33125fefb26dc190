// From ezio-peer's options to torrents that are loaded, checked and opened.
#pragma once

#include <string>
#include <vector>

#include "bt/swarm/memory_plan.hpp"
#include "disk/disk_engine.hpp"
#include "disk/op_queue.hpp"
#include "tools/peer/job.hpp"

namespace ezio {

// Reads the jobs' torrents, from files or by HTTP, where it waits for them, and holds them against their
// pins. The signal that ended the wait, or 0.
int load_torrents(std::vector<PeerJob>& jobs, const PeerOptions& options, PeerReport& report);

// One torrent, without waiting for its server.
Result<Metainfo> load_torrent_once(const std::string& torrent, const PeerOptions& options);

// The memory plan of the pairs that loaded; those that clone the same torrent share one download.
Result<MemoryPlan> plan_memory(const std::vector<PeerJob>& jobs, const PeerOptions& options);

// How many requests a device may have in the kernel at once: one of several targets that hangs must not keep
// the buffers that the others need.
unsigned queue_depth(const std::vector<PeerJob>& jobs, const MemoryPlan& memory);

// A job's source, for the storage with that owner; verified first where the options say so.
Result<std::unique_ptr<IoFile>> open_job_source(const PeerJob& job, const PeerOptions& options,
                                                std::uint64_t owner);

// Checks and opens sources and targets as the options say, and gives each its place.
void open_storages(std::vector<PeerJob>& jobs, DiskEngine& engine, const PeerOptions& options,
                   PeerReport& report);

// The trackers that can be announced to: http:// and https:// ones. Others are reported and left out.
std::vector<std::string> usable_trackers(const Metainfo& metainfo, const std::vector<std::string>& instead,
                                         PeerReport& report);

}  // namespace ezio
