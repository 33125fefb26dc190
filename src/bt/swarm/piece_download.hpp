// One piece being fetched: which blocks are open, requested, arriving or received, and by whom.
//
// Its segments are begun one by one, each with a source of its own where one of our own peers has offered it.
// Runs of blocks are named by BlockSpans that start at a block and end at a block or at the piece's end.
// Core file.
#pragma once

#include <optional>
#include <vector>

#include "bt/base/geometry.hpp"
#include "bt/base/types.hpp"

namespace ezio {

class PieceDownload {
 public:
  // `buffers` hold the piece's segments in order; they stay the caller's to release.
  PieceDownload(const Geometry& geometry, PieceIndex piece, std::vector<BufferId> buffers);

  PieceIndex piece() const { return piece_; }
  std::uint32_t size() const { return size_; }
  BufferId buffer(std::uint32_t segment) const { return buffers_[segment]; }
  const std::vector<BufferId>& buffers() const { return buffers_; }

  bool complete() const { return received_ == blocks_.size(); }
  std::uint32_t received_bytes() const { return received_bytes_; }
  std::uint32_t missing_bytes() const;  // to come
  // Nothing received, requested or arriving.
  bool untouched() const { return open_ == blocks_.size(); }
  // Nobody is asked for any of it, nothing is arriving or being hashed: it can be dropped.
  bool idle() const { return open_ + received_ == blocks_.size() && !hashing && unpacking_ == 0; }

  std::uint32_t segment_count() const { return static_cast<std::uint32_t>(segments_.size()); }
  // Somebody is asked for the segment, or is about to be; stays so until the piece is dropped.
  bool begun(std::uint32_t segment) const { return segments_[segment].begun; }
  void begin(std::uint32_t segment) { segments_[segment].begun = true; }
  std::optional<std::uint32_t> first_unbegun() const;
  bool has_open(std::uint32_t segment) const { return segments_[segment].open > 0; }
  bool untouched(std::uint32_t segment) const;
  bool complete(std::uint32_t segment) const { return missing_bytes(segment) == 0; }
  std::uint32_t missing_bytes(std::uint32_t segment) const;  // not received
  // Set: this peer has offered the segment and sends all of it; others are asked only if it is late.
  std::optional<PeerHandle> source(std::uint32_t segment) const { return segments_[segment].source; }
  void set_source(std::uint32_t segment, PeerHandle peer) { segments_[segment].source = peer; }
  void let_go(PeerHandle peer);  // it is no longer the source of anything, nor is the piece its alone

  // --- a segment that comes as a zstd frame ---
  // Its blocks are those of the frame, in a buffer of their own, until they are unpacked to where the
  // segment's own belong. Spans name the frame, and are not of the segment's own bytes.
  SegmentFrame frame(std::uint32_t segment) const { return segments_[segment].frame; }
  BufferId frame_buffer(std::uint32_t segment) const { return segments_[segment].frame_buffer; }
  void set_frame(std::uint32_t segment, SegmentFrame frame, BufferId buffer);  // untouched
  // None of it is requested or arriving: what came of it is worth nothing, the segment's own blocks are open.
  void drop_frame(std::uint32_t segment);
  bool may_drop_frame(std::uint32_t segment) const;
  // All of the frame is there, and it has not been given to unpack.
  bool is_packed(std::uint32_t segment) const;
  void unpacking(std::uint32_t segment);
  // `good`: it was a frame of the segment's size. Else the hash of the piece will tell, and the frame is not
  // passed on.
  void unpacked(std::uint32_t segment, bool good);
  bool frame_is_good(std::uint32_t segment) const { return segments_[segment].unpacked == Unpacked::good; }
  bool has_frames() const;
  // Who was asked for a part of the frame and does not have it.
  void add_frameless(std::uint32_t segment, PeerHandle peer) { segments_[segment].frameless.push_back(peer); }
  bool is_frameless(std::uint32_t segment, PeerHandle peer) const;

  // Where the span's bytes are, or are to come.
  BufferId buffer_of(const BlockSpan& span) const;

  // The segment's first run of open blocks, at most max_bytes (>= one block).
  std::optional<BlockSpan> first_open(std::uint32_t segment, std::uint32_t max_bytes) const;

  // Whether the span consists of whole blocks; every span that is passed below does.
  bool is_block_run(const BlockSpan& span) const;
  // Whether all of the span is still to come and none of it is arriving.
  bool wants(const BlockSpan& span) const;
  // Whether somebody is asked for some block of the span.
  bool requested(const BlockSpan& span) const;
  // Whether some block of the span is requested by exactly one peer and wanted.
  bool wants_duplicate(const BlockSpan& span) const;

  void request(const BlockSpan& span);    // one more peer was asked
  void give_back(const BlockSpan& span);  // one peer fewer is asked; unreceived blocks nobody is asked open
  void arriving(const BlockSpan& span);   // wants(span); the payload is on its way into the buffer
  void arrival_ended(const BlockSpan& span);  // ... and broke off
  // `vouched`: the sender says that it has verified the piece; else it passed on what it was being sent
  // itself.
  void received(const BlockSpan& span, PeerHandle from, bool vouched);
  // Whether all of the span, of one segment, is there, whoever sent it and whatever it is worth.
  bool holds(const BlockSpan& span) const;

  // Everyone who sent a block of it, without duplicates, and what they said of it.
  struct Contributor {
    PeerHandle peer;
    bool vouched = false;  // for every block
  };
  std::vector<Contributor> contributors() const;
  // All blocks open again, hashing from the start: its bytes were wrong.
  void reset();

  // Hashing follows the contiguous prefix of received blocks.
  std::uint32_t received_prefix() const;  // bytes
  std::uint32_t hashed = 0;               // bytes submitted to the hash so far
  bool hashing = false;                   // one submission is outstanding

  // Set: only this peer's blocks are taken, so that a bad one can be told from good ones.
  std::optional<PeerHandle> exclusive;

 private:
  struct Block {
    PeerHandle from;              // who sent it, once received
    std::uint8_t requesters = 0;  // peers asked and not yet answered
    bool received = false;
    bool arriving = false;
    bool vouched = false;
    bool absent = false;  // the segment's frame ends before it; counts as received
    bool open() const { return !received && !arriving && requesters == 0; }
  };

  enum class Unpacked : std::uint8_t { no, asked, good, bad };

  struct Segment {
    bool begun = false;
    std::optional<PeerHandle> source;
    std::uint32_t open = 0;  // blocks
    std::uint32_t received_bytes = 0;
    SegmentFrame frame{};
    BufferId frame_buffer{};
    Unpacked unpacked = Unpacked::no;
    std::vector<PeerHandle> frameless;
    mutable std::uint32_t open_hint = 0;  // block of the piece; none of the segment's before it is open
  };

  std::uint32_t first_block(std::uint32_t segment) const { return segment * (segment_bytes_ / block_bytes); }
  std::uint32_t end_block(std::uint32_t segment) const;
  std::uint32_t wire_bytes(std::uint32_t segment) const;  // as it is sent
  std::uint32_t wire_end(std::uint32_t segment) const;    // in the piece
  bool is_of_our_form(const BlockSpan& span) const;
  bool is_plain(std::uint32_t block) const;
  std::uint32_t segment_index(std::uint32_t block) const { return block / (segment_bytes_ / block_bytes); }
  Segment& segment_of(std::uint32_t block) { return segments_[segment_index(block)]; }
  void count_open();
  template <class Is>
  bool any_block(const BlockSpan& span, Is is) const;
  template <class Change>
  void for_blocks(const BlockSpan& span, Change change);

  PieceIndex piece_;
  std::uint32_t size_;           // bytes
  std::uint32_t segment_bytes_;  // of a full segment
  std::vector<BufferId> buffers_;
  std::vector<Block> blocks_;
  std::vector<Segment> segments_;
  std::uint32_t open_;
  std::uint32_t received_ = 0;  // blocks
  std::uint32_t received_bytes_ = 0;
  std::uint32_t unpacking_ = 0;       // segments
  mutable std::uint32_t prefix_ = 0;  // blocks received without a gap
};

}  // namespace ezio
