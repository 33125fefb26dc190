// One pair on its way from the command line to an opened storage.
#pragma once

#include <memory>
#include <optional>

#include "bt/metainfo/metainfo.hpp"
#include "bt/swarm/storage.hpp"
#include "disk/discard.hpp"
#include "disk/end_clone.hpp"
#include "disk/target_guard.hpp"
#include "tools/common/outcome.hpp"
#include "tools/peer/io_token.hpp"
#include "tools/peer/options.hpp"
#include "tools/peer/report.hpp"

namespace ezio {

// A pair that failed keeps its place, so that the others go on.
struct PeerJob {
  PeerPair pair;  // its target by path
  Metainfo metainfo;
  std::unique_ptr<Storage> storage;
  StorageOwner place;  // of an opened one: pairs that clone the same torrent are targets of one download
  std::shared_ptr<const CloneEnding> ending;  // of a target
  std::shared_ptr<const UnusedSpace> unused;  // of a target; null: it stays as it is
  TargetDescription description;              // of a target that was found
  std::optional<Failure> failure;
  bool ready() const { return !failure && storage != nullptr; }
};

inline void refuse(PeerJob& job, std::string message, PeerReport& report) {
  report.error(message);
  job.failure = Failure{std::move(message), ExitCode::refused};
}

}  // namespace ezio
