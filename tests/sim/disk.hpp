// Virtual disks behind the Storage interface, and the faults that wrap them.
#pragma once

#include <cerrno>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bt/swarm/storage.hpp"
#include "sim/clock.hpp"
#include "sim/image.hpp"
#include "tools/peer/io_token.hpp"

namespace ezio::sim {

using DiskSink = std::function<void(const IoCompletion&)>;

struct DiskSpeed {
  double bytes_per_second = 400e6;
  Duration latency = std::chrono::microseconds(200);
};

// A disk that works. Requests are done one after the other; `data` is touched when they complete, so that a
// caller who reuses it too early corrupts what the checks will look at.
class Disk final : public Storage {
 public:
  Disk(Clock& clock, const Image& image, std::uint64_t owner, DiskSink sink, const DiskSpeed& speed);

  void read(std::uint64_t token, std::uint64_t torrent_offset, MutableBytes data) override;
  void write(std::uint64_t token, std::uint64_t torrent_offset, Bytes data) override;
  void zero(std::uint64_t token, std::uint64_t torrent_offset, std::uint64_t length) override;
  void flush(std::uint64_t token, Cached cached) override;
  std::string description() const override { return "simulated"; }

  void load_truth();                  // what a seeder has
  void load_truth(PieceIndex piece);  // what an earlier clone has left
  void fill(std::byte value);         // what was there before
  bool holds_truth() const;
  bool durable() const { return writes_in_flight_ == 0 && !dirty_; }  // all that was written was flushed
  // Completes a request with an error, for the faults below.
  void complete(std::uint64_t token, int error, std::uint64_t torrent_offset, Duration after);

 private:
  TimePoint reserve(std::size_t stored_bytes);

  Clock& clock_;
  const Image& image_;
  std::uint64_t owner_;
  DiskSink sink_;
  DiskSpeed speed_;
  std::vector<std::byte> contents_;
  std::uint32_t writes_in_flight_ = 0;
  bool dirty_ = false;
  TimePoint busy_until_{};
};

// Passes everything on but what fails, with `error`: from the nth write, read or flush on (counted from 0),
// or the nth operation whatever it is, that one only or every one from there on; and lies about writes
// (zeroing included): the nth is acknowledged and dropped, has a bit flipped, or goes to its neighbour's
// place, that one only or every one from there on.
struct DiskFaults {
  static constexpr std::uint32_t never = ~std::uint32_t{0};
  enum class Lie { drop, flip, misdirect };
  std::uint32_t lies_from = never;
  Lie lie = Lie::drop;
  bool lies_once = true;
  std::uint32_t writes_fail_from = never;
  std::uint32_t reads_fail_from = never;
  std::uint32_t hangs_from = never;  // requests of any kind: none is answered any more
  bool flush_fails = false;
  std::uint32_t fails_from = never;
  bool fails_once = true;
  int error = EIO;
  bool lies() const { return lies_from != never; }
  bool any() const {
    return writes_fail_from != never || reads_fail_from != never || hangs_from != never || flush_fails ||
           fails_from != never || lies();
  }
};

// An operation that was made to fail.
struct DiskFailure {
  DiskWork work = DiskWork::read;
  std::uint64_t torrent_offset = 0;  // where it began
  bool before_flush = false;         // before the first one
};

class FaultyDisk final : public Storage {
 public:
  FaultyDisk(Disk& inner, const DiskFaults& faults) : inner_(inner), faults_(faults) {}

  void read(std::uint64_t token, std::uint64_t torrent_offset, MutableBytes data) override;
  void write(std::uint64_t token, std::uint64_t torrent_offset, Bytes data) override;
  void zero(std::uint64_t token, std::uint64_t torrent_offset, std::uint64_t length) override;
  void flush(std::uint64_t token, Cached cached) override;
  std::string description() const override { return "simulated, faulty"; }

  bool hangs() const { return operations_ > faults_.hangs_from; }
  // As the engine does where a device hangs: what it has not taken yet fails.
  void cancel_waiting();
  const std::vector<DiskFailure>& failures() const { return failures_; }  // in the order of their begin

 private:
  struct Request {
    std::uint64_t token;
    std::uint64_t torrent_offset;
  };
  static constexpr std::uint32_t depth = 2;  // requests that a hung device has taken

  // Counts the operation; if it is one that hangs or fails, sees to that.
  bool goes_wrong(bool its_kind_fails, std::uint64_t token, std::uint64_t torrent_offset);
  bool lies_now();
  void lie(std::uint64_t token, std::uint64_t torrent_offset, Bytes data);

  Disk& inner_;
  DiskFaults faults_;
  std::uint32_t operations_ = 0;
  std::uint32_t reads_ = 0;
  std::uint32_t writes_ = 0;
  bool flushed_ = false;
  std::vector<Request> waiting_;  // behind those that hang
  std::vector<DiskFailure> failures_;
  std::deque<std::vector<std::byte>> altered_;  // what is written instead
};

}  // namespace ezio::sim
