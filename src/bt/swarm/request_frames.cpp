// RequestPipeline's dealings with segments that come as zstd frames: who may have one, and when it is given
// up.
#include "bt/swarm/request_pipeline.hpp"

namespace ezio {

// What came of another frame is worth nothing, unless more of it is on its way.
void RequestPipeline::leave_other_form(PieceDownload& download, std::uint32_t segment, SegmentFrame frame) {
  if (!download.frame(segment) || download.frame(segment) == frame) return;
  if (download.may_drop_frame(segment)) drop_frame(download, segment);
}

void RequestPipeline::drop_frame(PieceDownload& download, std::uint32_t segment) {
  received_.wasted += download.frame(segment).bytes - download.missing_bytes(segment);
  store_.drop_frame(download, segment);
  context_.dropped_frames.push_back({download.piece(), segment});
}

void RequestPipeline::drop_lost_frames() {
  for (const auto& download : store_.filling()) {
    for (std::uint32_t i = 0; i < download->segment_count(); ++i) {
      if (!download->frame(i) || download->complete(i) || download->source(i)) continue;
      if (download->may_drop_frame(i)) drop_frame(*download, i);
    }
  }
}

// Who offered it does; of others we see.
bool RequestPipeline::may_have_frame(const Peer& peer, const PieceDownload& download,
                                     std::uint32_t segment) const {
  if (!download.frame(segment) || download.source(segment) == peer.handle) return true;
  return peer.takes_frames() && !download.is_frameless(segment, peer.handle);
}

// Where that can be: what is left of them is asked of others.
bool RequestPipeline::drop_frames(PieceDownload& download) {
  for (std::uint32_t i = 0; i < download.segment_count(); ++i) {
    if (download.frame(i) && !download.may_drop_frame(i)) return false;
  }
  for (std::uint32_t i = 0; i < download.segment_count(); ++i) {
    if (download.frame(i)) drop_frame(download, i);
  }
  return true;
}

}  // namespace ezio
