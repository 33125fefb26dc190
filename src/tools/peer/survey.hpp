// What a clone would find on its target, asked without changing it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "disk/source_reader.hpp"
#include "disk/target.hpp"

namespace ezio {

struct TargetSurvey {
  std::uint64_t size = 0;                   // bytes, of the target as it would be
  std::vector<std::string> old_signatures;  // beside the extents: "gpt at byte 1048064"
  std::size_t samples = 0;             // pieces that were looked at, spread over the target; none of zeros
  std::size_t right = 0;               // of them, those that hold what the torrent has
  std::unique_ptr<SourceReader> held;  // the claim on the target; null where it would be made
};

// Takes the claim over. Reads a few pieces through the page cache where `look_at_pieces`; what cannot be read
// is not right.
TargetSurvey survey_target(TargetPreview preview, const Metainfo& metainfo, bool look_at_pieces);

}  // namespace ezio
