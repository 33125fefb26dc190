#include "tools/peer/survey.hpp"

#include <fmt/format.h>

#include <random>

#include "bt/metainfo/zero_pieces.hpp"
#include "bt/swarm/reuse.hpp"
#include "disk/bulk_hash.hpp"
#include "disk/old_signatures.hpp"
#include "disk/source.hpp"

namespace ezio {
namespace {

std::vector<std::string> old_signatures(const DeviceFile& target, const Metainfo& metainfo) {
  std::vector<std::string> texts;
  const auto found = find_old_signatures(target.fd.get(), target, metainfo.extents);
  if (!found) return texts;
  for (const Signature& signature : *found)
    texts.push_back(fmt::format("{} at byte {}", signature.type, signature.offset));
  return texts;
}

// The same ones that a clone begins with, but for chance.
std::vector<PieceIndex> samples(const Metainfo& metainfo) {
  return Reuse(Reuse::Mode::automatic).first(zero_pieces(metainfo), std::random_device{}());
}

}  // namespace

TargetSurvey survey_target(TargetPreview preview, const Metainfo& metainfo, bool look_at_pieces) {
  TargetSurvey survey;
  survey.size = preview.size;
  if (!preview.file) return survey;
  survey.old_signatures = old_signatures(*preview.file, metainfo);
  survey.held = make_source_reader(make_io_file(std::move(*preview.file), metainfo.extents));
  if (!look_at_pieces) return survey;
  const Geometry geometry = metainfo.geometry();
  for (PieceIndex piece : samples(metainfo)) {
    const auto digest = hash_piece(*survey.held, geometry, piece);
    survey.right += digest && *digest == metainfo.piece_hashes[piece.value()];
    ++survey.samples;
  }
  return survey;
}

}  // namespace ezio
