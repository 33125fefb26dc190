// What a clone would find on its target, asked without changing it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "disk/source_reader.hpp"
#include "disk/target.hpp"
#include "tools/peer/job.hpp"

namespace ezio {

struct TargetSurvey {
  std::uint64_t size = 0;                   // bytes, of the target as it would be
  std::vector<std::string> old_signatures;  // beside the extents: "gpt at byte 1048064"
  std::optional<UnusedSpace> unused;        // where it would be discarded
  std::size_t samples = 0;             // pieces that were looked at, spread over the target; none of zeros
  std::size_t right = 0;               // of them, those that hold what the torrent has
  std::shared_ptr<SourceReader> held;  // the claim on the target; null where it would be made
};

// Takes the claim of the job's target over. Reads a few pieces through the page cache, unless --reuse off;
// what cannot be read is not right. An error where the device does not answer.
Result<TargetSurvey> survey_target(TargetPreview preview, const PeerJob& job, const PeerOptions& options);

}  // namespace ezio
