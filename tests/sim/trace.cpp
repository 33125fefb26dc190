#include "sim/trace.hpp"

#include <cstring>
#include <functional>
#include <string_view>

namespace ezio::sim {

struct Trace::Fold {
  Trace& trace;

  void value(std::uint64_t number) const { trace.fold(number); }
  void value(std::string_view text) const {
    for (; text.size() >= 8; text.remove_prefix(8)) {
      std::uint64_t word;
      std::memcpy(&word, text.data(), sizeof word);
      trace.fold(word);
    }
    for (char c : text) trace.fold(static_cast<unsigned char>(c));
  }
  void value(PeerHandle peer) const { trace.fold(peer.value()); }
  void value(BufferId buffer) const { trace.fold(buffer.value()); }
  void value(const SegmentRef& segment) const { values(segment.piece.value(), segment.segment); }
  void value(const BlockSpan& span) const {
    values(span.piece.value(), span.begin, span.length);
    if (span.frame != 0) value(span.frame);
  }
  void value(const Endpoint& endpoint) const { value(std::hash<Endpoint>{}(endpoint)); }
  template <class... Values>
  void values(const Values&... each) const {
    (value(each), ...);
  }

  void operator()(const Connect& a) const { values(a.peer, a.remote); }
  void operator()(const Close& a) const { values(a.peer, std::string_view(a.reason)); }
  void operator()(const Send& a) const { values(a.peer, as_text(a.bytes)); }
  void operator()(const SendBlock& a) const { values(a.peer, a.span, a.buffer, a.buffer_offset); }
  void operator()(const ReceivePayload& a) const {
    values(a.peer, a.span, a.buffer.value_or(BufferId{~0u}), a.buffer_offset);
  }
  void operator()(const ReadSegment& a) const { values(a.segment, a.buffer, a.target.value()); }
  void operator()(const ReadFrame& a) const { values(a.segment, a.plain, a.frame); }
  void operator()(const UnpackFrame& a) const { values(a.segment, a.frame, a.frame_bytes, a.plain); }
  void operator()(const WriteSegment& a) const { values(a.segment, a.buffer, a.target.value()); }
  void operator()(const InspectSegment& a) const { values(a.segment, a.buffer, a.target.value()); }
  void operator()(const InspectHole& a) const { values(a.piece.value(), a.target.value()); }
  void operator()(const ZeroPiece& a) const { values(a.piece.value(), a.target.value()); }
  void operator()(const HashSegment& a) const {
    values(a.piece.value(), a.buffer, a.buffer_offset, a.length, a.first, a.last);
  }
  void operator()(const Flush& a) const { values(a.forget_cached, a.target.value()); }
  void operator()(const Conclude& a) const { value(a.target.value()); }
  void operator()(const Announce& a) const {
    values(a.tracker.value(), a.request.left, a.request.uploaded, a.request.downloaded,
           static_cast<std::uint64_t>(a.request.event));
  }
  void operator()(const Completed&) const {}
  void operator()(const TargetFailed& a) const { values(a.target.value(), std::string_view(a.message)); }
  void operator()(const Finished& a) const {
    values(static_cast<std::uint64_t>(a.outcome), std::string_view(a.message));
  }
  void operator()(const Note& a) const { value(std::string_view(a.text)); }
};

void Trace::add(std::uint32_t node, TimePoint time, const Action& action) {
  fold(node);
  fold(static_cast<std::uint64_t>(time.time_since_epoch().count()));
  fold(action.index());
  std::visit(Fold{*this}, action);
}

}  // namespace ezio::sim
