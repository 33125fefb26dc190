#include "tools/peer/survey.hpp"

#include <fmt/format.h>

#include <random>

#include "bt/metainfo/zero_pieces.hpp"
#include "bt/swarm/reuse.hpp"
#include "disk/bulk_hash.hpp"
#include "disk/old_signatures.hpp"
#include "disk/source.hpp"
#include "tools/peer/ask_device.hpp"

namespace ezio {
namespace {

using Texts = std::vector<std::string>;

Result<Texts> old_signatures(const DeviceFile& target, const std::vector<Extent>& extents) {
  const auto found = find_old_signatures(target.fd.get(), target, extents);
  Texts texts;
  if (!found) return texts;
  for (const Signature& signature : *found)
    texts.push_back(fmt::format("{} at byte {}", signature.type, signature.offset));
  return texts;
}

// The same ones that a clone begins with, but for chance.
std::vector<PieceIndex> samples(const Metainfo& metainfo) {
  return Reuse(Reuse::Mode::automatic).first(zero_pieces(metainfo), std::random_device{}());
}

Result<void> look_at_pieces(TargetSurvey& survey, const PeerJob& job, std::chrono::seconds time) {
  const Geometry geometry = job.metainfo.geometry();
  for (PieceIndex piece : samples(job.metainfo)) {
    const auto digest = within(
        time, [reader = survey.held, geometry, piece] { return hash_piece(*reader, geometry, piece); });
    if (!digest) return no_answer(job.pair.path, time);
    survey.right += *digest && **digest == job.metainfo.piece_hashes[piece.value()];
    ++survey.samples;
  }
  return {};
}

}  // namespace

Result<TargetSurvey> survey_target(TargetPreview preview, const PeerJob& job, const PeerOptions& options) {
  TargetSurvey survey;
  survey.size = preview.size;
  if (!preview.file) return survey;
  const auto time = io_timeout(options);
  const auto file = std::make_shared<DeviceFile>(std::move(*preview.file));
  auto signatures = ask_device(
      job.pair.path, time, [file, extents = job.metainfo.extents] { return old_signatures(*file, extents); });
  if (!signatures) return signatures.error();
  survey.old_signatures = std::move(*signatures);
  if (options.discard_unused) survey.unused.emplace(*file, job.metainfo.extents, job.metainfo.target_size);
  survey.held = make_source_reader(make_io_file(std::move(*file), job.metainfo.extents));
  if (options.reuse == Reuse::Mode::off) return survey;
  if (auto looked = look_at_pieces(survey, job, time); !looked) return looked.error();
  return survey;
}

}  // namespace ezio
