// Looks at what a target holds: reads pieces from the device and compares their hashes.
//
// Used before a clone, to find what need not be fetched, and after it, to read back what was written. Several
// pieces are read side by side, a segment after the other, so that the hash threads' lanes are full; of a
// spinning disk the reads are one ascending sweep. Holds a bounded number of the pool's buffers, each from
// its read to the end of its hash, and waits for nobody: it may share the pool with downloads.
//
// Core file; part of Swarm, which forwards events.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bt/swarm/swarm_context.hpp"

namespace ezio {

class TargetInspection {
 public:
  static constexpr std::uint32_t most_buffers = 64;  // and a quarter of the pool, for all targets together
  static constexpr std::uint32_t streams = 32;       // pieces side by side
  static constexpr std::uint32_t stream_depth = 2;   // segments of each

  enum class Found { right, wrong, unreadable };
  struct Verdict {
    PieceIndex piece;
    Found found = Found::wrong;
    std::string error;  // of an unreadable piece: offset and errno in words
  };

  // `sequential`: the device would rather be read in ascending order.
  TargetInspection(SwarmContext& context, const std::vector<Sha1Digest>& piece_hashes, TargetIndex target,
                   bool sequential);
  ~TargetInspection();  // releases its buffers; nothing may be using them any more

  void look_at(std::vector<PieceIndex> pieces);  // in this order; only when over()
  void look_no_further();                        // what has not been begun is left out
  void advance();                                // begins what buffers allow
  bool over() const { return next_ == pieces_.size() && open_.empty(); }

  // --- answers to its actions; the piece's verdict when it is there ---
  std::optional<Verdict> on_hole(PieceIndex piece, bool hole);
  std::optional<Verdict> on_read(SegmentRef segment, const std::string& error);
  std::optional<Verdict> on_hashed(PieceIndex piece, const Sha1Digest& digest);

  std::uint32_t io_in_flight() const { return io_in_flight_; }
  std::uint64_t progress_bytes() const { return progress_bytes_; }  // looked at since the start

 private:
  struct Slot {
    BufferId buffer;
    bool filled = false;
  };
  struct Stream {
    PieceIndex piece;
    std::map<std::uint32_t, Slot> slots;  // by segment: being read, or waiting for the hash
    std::uint32_t next = 0;               // segment to be read
    std::uint32_t hashed = 0;             // segments
    bool asking = false;                  // whether the piece is a hole
    bool hashing = false;
    std::string error;
  };
  using StreamRef = std::list<Stream>::iterator;

  StreamRef find(PieceIndex piece);
  void begin(PieceIndex piece);
  bool read_ahead(Stream& stream);
  void hash_next(Stream& stream);
  bool target_failed() const { return context_.over || !context_.targets.contains(target_); }
  bool halted(const Stream& stream) const { return target_failed() || !stream.error.empty(); }
  std::optional<Verdict> settle(StreamRef stream);
  Verdict close(StreamRef stream, Found found);
  void release(Stream& stream, std::uint32_t segment);
  std::uint32_t depth() const { return sequential_ ? most_buffers : stream_depth; }

  SwarmContext& context_;
  const std::vector<Sha1Digest>& piece_hashes_;
  TargetIndex target_;
  bool sequential_;
  std::uint32_t buffers_;  // that it may hold
  std::uint32_t buffers_held_ = 0;
  std::vector<PieceIndex> pieces_;
  std::size_t next_ = 0;  // of pieces_
  std::list<Stream> open_;
  std::uint32_t io_in_flight_ = 0;
  std::uint64_t progress_bytes_ = 0;
};

}  // namespace ezio
