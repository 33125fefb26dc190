// A piece's life on this host: filling -> hashed as its prefix grows -> verified -> written -> cached, and
// what of it can be sent at any moment.
//
// Owns the buffers of pieces on their way and the pins of those that are sent. A whole piece's buffers are
// taken when it is begun; verified pieces that wait for the disk count against the same share, so that a slow
// disk slows the network. Knows no peers. Core file; part of Swarm, which forwards events.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bt/swarm/piece_download.hpp"
#include "bt/swarm/swarm_context.hpp"

namespace ezio {

class PieceStore {
 public:
  // `buffers` of the pool is what pieces in flight may hold: at least one piece, unless all are verified.
  PieceStore(SwarmContext& context, const std::vector<Sha1Digest>& piece_hashes, std::uint32_t buffers);
  ~PieceStore();  // releases its buffers; nothing may be using them any more

  // --- filling ---
  using Downloads = std::vector<std::unique_ptr<PieceDownload>>;
  const Downloads& filling() const { return filling_; }  // in the order of their start
  PieceDownload* find(PieceIndex piece) const;           // null unless it is being filled
  PieceDownload* start(PieceIndex piece);                // null where buffers are short
  bool has_room(PieceIndex piece) const;   // within our share; the pool may be short all the same
  void drop(PieceIndex piece);             // nothing of it is arriving or being hashed
  void received(PieceDownload& download);  // more of it is there: hands it to the hash

  // --- segments that come as frames ---
  // From now on the segment, untouched, is fetched as this frame; false where there is no buffer for it.
  bool take_frame(PieceDownload& download, std::uint32_t segment, SegmentFrame frame);
  // Nothing of it is on its way: it is fetched as it is. Whoever was promised the frame is to be told.
  void drop_frame(PieceDownload& download, std::uint32_t segment);
  void on_unpacked(SegmentRef segment, bool good);
  // Bytes of the frames that were unpacked so far, and of what was in them.
  struct Unpacked {
    std::uint64_t framed = 0;
    std::uint64_t plain = 0;
  };
  const Unpacked& unpacked() const { return unpacked_; }
  std::uint32_t unpacking() const { return unpacks_in_flight_; }  // segments

  // --- hash and disk ---
  enum class Verdict { pending, right, wrong };
  // Unless pending, the caller goes on with verified() or drop().
  Verdict on_hashed(PieceIndex piece, const Sha1Digest& digest);
  void verified(PieceIndex piece);  // from now on it is in context.have, cached, and being written
  // `keep`: somebody may still want the piece.
  void on_written(SegmentRef segment, TargetIndex target, const std::string& error, bool keep);

  // --- sending ---
  // Whether it could be sent now or soon: verified, or on its way.
  bool serves(SegmentRef segment) const {
    if (context_.have.test(segment.piece)) return true;
    const PieceDownload* download = find(segment.piece);
    return download != nullptr && download->begun(segment.segment);
  }
  // The buffer of the span's segment with its bytes in place, pinned until unpin().
  std::optional<BufferId> pin(const BlockSpan& span);
  void unpin(BufferId buffer) { context_.pool.unpin(buffer); }
  // Of a verified piece: sees to it that the segment is on its way to the pool, once however many want it.
  // False where the pool has no buffer.
  bool read(SegmentRef segment);
  // The frame as which it can be sent now or soon; nothing where it can only be sent as it is.
  SegmentFrame frame_of(SegmentRef segment) const;
  // Of a verified piece that has no frame here: has it packed, unless it is known to be worth nothing. False
  // where it is, or there are no buffers.
  bool pack(SegmentRef segment);
  bool is_packing(SegmentRef segment) const { return packing_.contains(segment); }
  std::size_t packing() const { return packing_.size(); }
  // Tried, and no shorter than the segment.
  bool has_no_frame(SegmentRef segment) const { return frameless_[index(segment)]; }
  void on_frame_read(SegmentRef segment, SegmentFrame frame, const std::string& error);

  // A failed read loses the target: ask again. Else use() is called before the segment may be evicted.
  template <class Use>
  void on_read(SegmentRef segment, TargetIndex target, const std::string& error, Use use) {
    const std::optional<BufferId> buffer = finish_read(segment, target, error);
    if (!buffer) return;
    use();
    context_.pool.unpin(*buffer);
  }

  // The device does not hold the verified piece: from now on it is to be fetched like any other. Nothing of
  // it is being written.
  void lose(PieceIndex piece);
  bool is_writing(PieceIndex piece) const;
  // Waits for its answers no longer: they may come yet, or never.
  void target_lost(TargetIndex target);

  void stop();  // gives up what is being filled; only with io_in_flight() == 0 and no peers

  bool all_written() const;  // to all targets that have not failed
  std::uint32_t io_in_flight() const;

 private:
  struct Writing {
    BufferId buffer;
    TargetSet awaited;  // who has not answered
  };
  struct Reading {
    BufferId buffer;
    TargetIndex target;
  };
  // A buffer that only targets in use which have failed.
  struct GivenUp {
    SegmentRef segment;
    BufferId buffer;
    TargetSet awaited;
    bool written = false;  // else read
  };

  struct Packing {
    BufferId plain;
    BufferId frame;
  };

  std::uint32_t index(SegmentRef segment) const;
  void unpack_what_is_whole(PieceDownload& download);
  void cache_frame(BufferId buffer, SegmentRef segment, SegmentFrame frame);
  void release_frame(const PieceDownload& download, std::uint32_t segment);
  void release_frames(const PieceDownload& download);

  using WritingRef = std::map<SegmentRef, Writing>::iterator;
  WritingRef settle_write(WritingRef writing, bool keep);
  bool answered_late(SegmentRef segment, TargetIndex target);
  void let_go(const GivenUp& given_up);
  void follow_hash(PieceDownload& download);
  void forget(PieceIndex piece);
  std::optional<BufferId> finish_read(SegmentRef segment, TargetIndex target, const std::string& error);

  SwarmContext& context_;
  const std::vector<Sha1Digest>& piece_hashes_;
  std::uint32_t share_;
  Downloads filling_;
  std::uint32_t buffers_held_ = 0;  // by filling_, frames included
  std::map<SegmentRef, Writing> writing_;
  std::map<SegmentRef, Reading> reading_;
  std::map<SegmentRef, Packing> packing_;
  std::vector<bool> frameless_;  // by index()
  std::vector<GivenUp> given_up_;
  std::uint32_t writes_in_flight_ = 0;
  std::uint32_t hashes_in_flight_ = 0;
  std::uint32_t unpacks_in_flight_ = 0;
  Unpacked unpacked_;
};

}  // namespace ezio
