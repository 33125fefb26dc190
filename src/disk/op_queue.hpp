// Decides which disk operations run next: plans requests, sorts what is planned by device offset, keeps edges
// of one sector apart and counts a request's operations until it is complete.
//
// Operations leave in ascending order of device offset, starting over at the end (as an elevator): adjacent
// ones then reach the kernel in one batch, and its block layer joins them into larger transfers. Memory is
// bounded: requests are planned a few operations ahead, whatever their number and however small the extents.
//
// Core file: it never does I/O. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "disk/disk_engine.hpp"
#include "disk/kept_bytes.hpp"
#include "disk/op_run.hpp"
#include "disk/sector_locks.hpp"
#include "disk/stored_bytes.hpp"
#include "disk/write_plan.hpp"

namespace ezio {

class IoFile;

struct DiskRequest {
  IoFile* file = nullptr;
  std::uint64_t token = 0;
  PlanCursor cursor;                 // what is not planned yet
  std::uint64_t open_ops = 0;        // planned and not finished
  std::uint64_t torrent_offset = 0;  // of a read, as the next
  MutableBytes memory;
  IoStatus status;  // the first error; no further operation is started after it
  bool is_write = false;
  bool unplanned = false;  // still in the queue's list of those
};

struct PlannedOp {
  DiskOp op;
  std::list<DiskRequest>::iterator request;
};

// A target or source as the queue and the backends see it. Lives as long as its requests.
class IoFile {
 public:
  struct Handle {
    int fd = -1;             // -1: could not be opened, see error
    int error = 0;           // errno
    std::uint64_t base = 0;  // device offset of the descriptor's first byte
    std::shared_ptr<const void> keep_open;
    const StoredBytes* stored =
        nullptr;  // what is read instead of a descriptor; offsets count from its first byte
  };

  IoFile(ExtentMap extents, IoAlignment io_alignment, std::uint64_t owner_value)
      : map(std::move(extents)), alignment(io_alignment), owner(owner_value) {}
  virtual ~IoFile() = default;
  IoFile(const IoFile&) = delete;
  IoFile& operator=(const IoFile&) = delete;

  // The descriptor that run `run` of the map is read from or written to. Called by backend threads too.
  virtual Handle open_run(std::uint32_t run) const = 0;
  // Whether that opens files, or gives StoredBytes: what may wait for the disk, or computes, is work for
  // threads.
  virtual bool opens_files() const { return false; }
  // Where all of it is that.
  virtual const StoredBytes* stored() const { return nullptr; }
  // It lies on a disk that spins.
  virtual bool rotational() const { return false; }

  virtual std::string path_of(std::uint32_t run) const = 0;  // for messages
  virtual std::string kind() const = 0;                      // "O_DIRECT, 512-byte sectors"

  const ExtentMap map;
  const IoAlignment alignment;
  const std::uint64_t owner;
  std::shared_ptr<const KeptBytes> kept;  // what reads get in place of what is there; null: nothing

  // The queue's own notes.
  std::uint64_t id = 0;
  std::uint64_t requests = 0;  // not completed yet
  std::uint64_t writes = 0;    // of them, writes
  bool closing = false;        // completions are dropped
  SectorLocks<PlannedOp> locks;
};

// An operation handed out; the backend runs it until run.advance() or run.fail() ends it. It belongs to the
// backend's thread from take() to finish().
struct ActiveOp {
  OpRun run;
  IoFile* file = nullptr;
  std::uint32_t run_index = 0;  // for IoFile::open_run

  PlannedOp planned;            // the queue's own
  std::byte* bounce = nullptr;  // the queue's own
  bool in_use = false;          // the queue's own
};

class OpQueue {
 public:
  // So many operations are planned ahead and sorted.
  static constexpr std::size_t max_planned = 1024;

  // `depth`: operations handed out at once. `bounce` is cut into buffers of bounce_bytes: one at least.
  OpQueue(unsigned depth, MutableBytes bounce);
  OpQueue(const OpQueue&) = delete;
  OpQueue& operator=(const OpQueue&) = delete;

  void read(IoFile& file, std::uint64_t token, std::uint64_t torrent_offset, MutableBytes data);
  void write(IoFile& file, std::uint64_t token, std::uint64_t torrent_offset, Bytes data);
  void zero(IoFile& file, std::uint64_t token, std::uint64_t torrent_offset, std::uint64_t length);
  // Only with no writes open. `forget`: what the kernel has cached of the file, afterwards.
  void flush(IoFile& file, std::uint64_t token, bool forget);

  // The next operation to start, or null: nothing to do, or nothing more until something finishes.
  ActiveOp* take();
  void finish(ActiveOp& op);

  // Gives up the file's requests that have not started and drops its completions. It can be destroyed once
  // file.requests is 0: call take() and finish() until then.
  void abandon(IoFile& file);

  // The device hangs: what has not been handed out completes with ECANCELED. What has been is left as it is,
  // and requests with such operations never complete.
  void cancel_waiting();

  std::vector<IoCompletion>& completions() { return completions_; }

  // An operation that has been handed out and not finished; null: none.
  const DiskOp* in_flight() const;

 private:
  using RequestRef = std::list<DiskRequest>::iterator;
  struct Position {
    std::uint64_t file_id = 0;
    std::uint64_t offset = 0;
    auto operator<=>(const Position&) const = default;
  };
  static Position position(const PlannedOp& planned) {
    return {planned.request->file->id, planned.op.offset};
  }
  struct ByPosition {
    using is_transparent = void;
    bool operator()(const PlannedOp& a, const PlannedOp& b) const { return position(a) < position(b); }
    bool operator()(const PlannedOp& a, const Position& b) const { return position(a) < b; }
    bool operator()(const Position& a, const PlannedOp& b) const { return a < position(b); }
  };
  using Sorted = std::multiset<PlannedOp, ByPosition>;

  RequestRef add(IoFile& file, std::uint64_t token);
  RequestRef plan(IoFile& file, std::uint64_t token, PlanCursor cursor, bool is_write);
  void plan_ahead();
  void enqueue(const PlannedOp& planned);
  bool pick(PlannedOp& picked);
  Sorted::iterator next_of(Sorted& ops);
  ActiveOp& start(const PlannedOp& planned);
  bool overlaps_active_write(const PlannedOp& planned) const;
  void release_sector(const PlannedOp& planned);
  void op_over(RequestRef request);
  void complete_if_over(RequestRef request);

  std::vector<ActiveOp> slots_;
  std::vector<ActiveOp*> free_slots_;
  std::vector<std::byte*> free_bounce_;
  unsigned active_ = 0;

  std::list<DiskRequest> requests_;
  std::deque<RequestRef> unplanned_;  // cursors not done, in the order of arrival
  Sorted direct_;                     // planned, straight from memory
  Sorted bounced_;                    // planned, wait for a bounce buffer as well
  std::size_t waiting_ = 0;           // planned, wait for a sector
  Position last_;                     // of the last operation handed out
  std::uint64_t next_file_id_ = 1;
  std::vector<IoCompletion> completions_;
};

}  // namespace ezio
