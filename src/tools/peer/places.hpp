// Which torrent of the session a pair becomes: a download of its own, or one more target of a download.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <utility>

#include "bt/base/target_set.hpp"
#include "tools/peer/job.hpp"

namespace ezio {

// Asked for each pair in turn; only what was opened takes its place.
class Places {
 public:
  // The next one for this job, or why there is none.
  Result<StorageOwner> next(const PeerJob& job) const {
    const auto found = downloads_.find(job.metainfo.info_hash);
    if (job.pair.seeding || found == downloads_.end()) return StorageOwner{torrents_, TargetIndex{0}};
    const auto& [torrent, targets] = found->second;
    if (targets == TargetSet::most) {
      return Error{
          fmt::format("target {}: a download has at most {} targets", job.pair.path, TargetSet::most)};
    }
    return StorageOwner{torrent, TargetIndex{targets}};
  }
  void take(const PeerJob& job, StorageOwner place) {
    if (place.torrent == torrents_) ++torrents_;
    if (!job.pair.seeding) downloads_[job.metainfo.info_hash] = {place.torrent, place.target.value() + 1};
  }

 private:
  std::uint32_t torrents_ = 0;
  std::map<InfoHash, std::pair<std::uint32_t, std::uint32_t>> downloads_;  // torrent, targets
};

}  // namespace ezio
