#include "disk/bulk_pack.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "bt/metainfo/zero_pieces.hpp"
#include "bt/sha1/sha1.hpp"
#include "disk/progress_interval.hpp"

namespace ezio {
namespace {

constexpr std::uint64_t held_a_thread = 4 * std::uint64_t{MiB};
constexpr std::uint64_t most_held = 1024 * std::uint64_t{MiB};

// What one worker packs, in order: a piece, where pieces are hashed, so that each has one stream.
struct Group {
  std::uint64_t number = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool hole = false;
};

class BulkPack {
 public:
  BulkPack(SourceReader& source, std::uint64_t length, PackedWriter& writer, const BulkPackOptions& options)
      : source_(source),
        length_(length),
        writer_(writer),
        options_(options),
        group_bytes_(std::max<std::uint64_t>(options.piece_length.value_or(0), packed_unit_bytes)) {
    if (options.piece_length) geometry_.emplace(length, *options.piece_length);
  }

  Result<std::vector<Sha1Digest>> run();

 private:
  // Of a group that has not been written in full.
  struct Waiting {
    std::deque<PackedUnit> units;
    bool complete = false;  // no more of them come
  };

  void work(UnitPacker& packer);
  bool take(Group& group);
  std::uint64_t hole_at(std::uint64_t offset);
  Result<void> pack_group(const Group& group, UnitPacker& packer, MutableBytes buffer,
                          std::unique_lock<std::mutex>& order);
  Result<void> read(std::uint64_t offset, MutableBytes data);
  void hash(std::uint64_t offset, Bytes unit, Sha1State& piece);
  void wait_for_room(const Group& group);
  void deliver(const Group& group, PackedUnit unit, bool last);
  void write_all();
  bool take_written(PackedUnit& unit, std::unique_lock<std::mutex>& lock);
  void stop(Error error);

  SourceReader& source_;
  const std::uint64_t length_;
  PackedWriter& writer_;
  const BulkPackOptions& options_;
  const std::uint64_t group_bytes_;
  std::optional<Geometry> geometry_;
  std::vector<Sha1Digest> digests_;  // each written by the worker that has the piece
  std::atomic<bool> stopped_{false};
  std::mutex order_;  // of a sequential source: held from the choice of a group to the end of its read

  std::mutex mutex_;  // guards what follows
  std::condition_variable delivered_;
  std::condition_variable room_;
  std::uint64_t next_offset_ = 0;
  std::uint64_t next_group_ = 0;
  std::map<std::uint64_t, Waiting> waiting_;  // by number of the group
  std::uint64_t head_ = 0;                    // the group that is being written
  std::uint64_t held_ = 0;                    // bytes of waiting units
  std::uint64_t most_held_ = 0;
  std::optional<Error> failure_;  // the first
};

Result<std::vector<Sha1Digest>> BulkPack::run() {
  unsigned threads =
      options_.threads == 0 ? std::max(1U, std::thread::hardware_concurrency()) : options_.threads;
  const std::uint64_t each = std::max(held_a_thread, group_bytes_);
  threads = static_cast<unsigned>(std::clamp<std::uint64_t>(most_held / each, 1, threads));
  most_held_ = threads * each;
  if (geometry_) digests_.resize(geometry_->piece_count());
  // Before the threads: what they throw ends the program.
  std::vector<std::unique_ptr<UnitPacker>> packers;
  for (unsigned i = 0; i < threads; ++i) packers.push_back(std::make_unique<UnitPacker>(options_.level));
  {
    std::vector<std::jthread> workers;
    try {
      for (const auto& packer : packers) workers.emplace_back([this, &packer] { work(*packer); });
    } catch (...) {
      stop({"cannot start threads"});
      throw;
    }
    write_all();
  }
  if (failure_) return *failure_;
  return std::move(digests_);
}

// ---------------------------------------------------------------- workers

void BulkPack::work(UnitPacker& packer) {
  const std::uint64_t step = source_.sequential() ? group_bytes_ : packed_unit_bytes;
  std::vector<std::byte> buffer(std::min(step, length_));
  while (!stopped_) {
    std::unique_lock order(order_, std::defer_lock);
    if (source_.sequential()) order.lock();
    Group group;
    if (!take(group)) return;
    if (auto done = pack_group(group, packer, buffer, order); !done) stop(done.error());
  }
}

bool BulkPack::take(Group& group) {
  const std::lock_guard lock(mutex_);
  if (next_offset_ == length_) return false;
  group.number = next_group_++;
  group.offset = next_offset_;
  group.length = std::min(group_bytes_, length_ - group.offset);
  if (geometry_) {
    group.hole = source_.is_hole(group.offset, group.length);
  } else if (const std::uint64_t hole = hole_at(group.offset); hole > 0) {
    group.length = hole;
    group.hole = true;
  }
  next_offset_ += group.length;
  return true;
}

// How much of a hole begins here, found by doubling: a sparse image of a TiB has a million MiBs.
std::uint64_t BulkPack::hole_at(std::uint64_t offset) {
  const std::uint64_t left = length_ - offset;
  std::uint64_t length = std::min<std::uint64_t>(packed_unit_bytes, left);
  if (!source_.is_hole(offset, length)) return 0;
  while (length < max_zero_frame_bytes && 2 * length <= left && source_.is_hole(offset + length, length))
    length *= 2;
  return length;
}

Result<void> BulkPack::pack_group(const Group& group, UnitPacker& packer, MutableBytes buffer,
                                  std::unique_lock<std::mutex>& order) {
  if (group.hole) {
    if (geometry_) {
      for (std::uint64_t at = 0; at < group.length; at += geometry_->piece_length()) {
        const PieceIndex piece(static_cast<std::uint32_t>((group.offset + at) / geometry_->piece_length()));
        digests_[piece.value()] = zero_digest(geometry_->piece_size(piece));
      }
    }
    PackedUnit unit;  // without bytes: zeros
    unit.plain_bytes = group.length;
    deliver(group, std::move(unit), true);
    return {};
  }
  Sha1State piece;
  for (std::uint64_t begin = 0; begin < group.length && !stopped_; begin += buffer.size()) {
    wait_for_room(group);
    const auto here = buffer.first(std::min<std::uint64_t>(buffer.size(), group.length - begin));
    if (auto done = read(group.offset + begin, here); !done) return done;
    if (order.owns_lock()) order.unlock();
    for (std::uint64_t at = 0; at < here.size(); at += packed_unit_bytes) {
      const Bytes unit = here.subspan(at, std::min<std::uint64_t>(packed_unit_bytes, here.size() - at));
      const std::uint64_t offset = group.offset + begin + at;
      if (geometry_) hash(offset, unit, piece);
      deliver(group, packer.pack(unit), begin + at + unit.size() == group.length);
    }
  }
  return {};
}

Result<void> BulkPack::read(std::uint64_t offset, MutableBytes data) {
  while (!data.empty()) {
    const auto here = data.first(std::min<std::uint64_t>(packed_unit_bytes, data.size()));
    if (source_.is_hole(offset, here.size())) {
      std::memset(here.data(), 0, here.size());
    } else if (auto done = source_.read(offset, here); !done) {
      return done;
    }
    offset += here.size();
    data = data.subspan(here.size());
  }
  return {};
}

// `piece` is the one that the unit is a part of, where it is no longer than that.
void BulkPack::hash(std::uint64_t offset, Bytes unit, Sha1State& piece) {
  const std::uint32_t piece_length = geometry_->piece_length();
  const auto index = static_cast<std::uint32_t>(offset / piece_length);
  if (piece_length >= packed_unit_bytes) {
    Sha1Input input{&piece, unit};
    sha1_update(Sha1Kind::openssl, {&input, 1});
    if (piece.length == geometry_->piece_size(PieceIndex(index))) digests_[index] = sha1_final(piece);
    return;
  }
  std::vector<Sha1State> states((unit.size() + piece_length - 1) / piece_length);
  std::vector<Sha1Input> inputs;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const std::size_t begin = i * piece_length;
    inputs.push_back(
        {&states[i], unit.subspan(begin, std::min<std::size_t>(piece_length, unit.size() - begin))});
  }
  sha1_update(sha1_default_kind(), inputs);
  for (std::size_t i = 0; i < states.size(); ++i) digests_[index + i] = sha1_final(states[i]);
}

// The group that is written next never waits: all others wait for it.
void BulkPack::wait_for_room(const Group& group) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [&] { return held_ < most_held_ || group.number == head_ || stopped_; });
}

void BulkPack::deliver(const Group& group, PackedUnit unit, bool last) {
  const std::lock_guard lock(mutex_);
  Waiting& waiting = waiting_[group.number];
  held_ += unit.stored.size();
  waiting.units.push_back(std::move(unit));
  waiting.complete = last;
  if (group.number == head_) delivered_.notify_one();
}

// ---------------------------------------------------------------- the calling thread

void BulkPack::write_all() {
  auto told = std::chrono::steady_clock::now();
  std::uint64_t written = 0;
  while (written < length_ && !stopped_) {
    PackedUnit unit;
    {
      std::unique_lock lock(mutex_);
      if (take_written(unit, lock)) written += unit.plain_bytes;
    }
    if (unit.plain_bytes > 0) {
      if (auto done = writer_.add(unit); !done) stop(done.error());
    }
    const auto now = std::chrono::steady_clock::now();
    if (!options_.progress || now - told < progress_interval) continue;
    told = now;
    if (!options_.progress(written)) stop({"stopped", ECANCELED});
  }
}

// The next unit to write; false where none has come in a while.
bool BulkPack::take_written(PackedUnit& unit, std::unique_lock<std::mutex>& lock) {
  const auto ready = [this] {
    const auto head = waiting_.find(head_);
    return stopped_ || (head != waiting_.end() && !head->second.units.empty());
  };
  if (!delivered_.wait_for(lock, progress_interval, ready) || stopped_) return false;
  Waiting& head = waiting_[head_];
  unit = std::move(head.units.front());
  head.units.pop_front();
  held_ -= unit.stored.size();
  if (head.complete && head.units.empty()) waiting_.erase(head_++);
  room_.notify_all();
  return true;
}

void BulkPack::stop(Error error) {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  if (!failure_) failure_ = std::move(error);
  room_.notify_all();
  delivered_.notify_all();
}

}  // namespace

Result<std::vector<Sha1Digest>> pack_source(SourceReader& source, std::uint64_t length, PackedWriter& writer,
                                            const BulkPackOptions& options) {
  return BulkPack(source, length, writer, options).run();
}

}  // namespace ezio
