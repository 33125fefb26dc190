#include "disk/bulk_hash.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "bt/metainfo/zero_pieces.hpp"
#include "disk/progress_interval.hpp"

namespace ezio {
namespace {

// What a worker reads of each of its pieces before it hashes them together. All lanes of it should stay in a
// core's L2 cache between the read and the hash.
constexpr std::uint32_t chunk_bytes = 64 * KiB;

class BulkHash {
 public:
  BulkHash(SourceReader& source, const Geometry& geometry, const BulkHashOptions& options)
      : source_(source),
        geometry_(geometry),
        options_(options),
        lanes_(source.sequential() ? 1 : sha1_lanes(options.kind)),
        digests_(geometry.piece_count()) {}

  Result<std::vector<Sha1Digest>> run();

 private:
  using Batch = std::vector<PieceIndex>;  // ascending, hashed side by side

  void work();
  Batch take_batch();
  void leave_out_holes(Batch& batch);
  Result<void> hash_batch(const Batch& batch, MutableBytes buffer);
  Result<void> hash_chunk(const Batch& batch, std::uint32_t begin, MutableBytes buffer,
                          std::span<Sha1State> states);
  std::uint32_t chunk_of(PieceIndex piece, std::uint32_t begin) const;
  // At least what the source reads in one go.
  std::uint32_t chunk() const { return std::max(chunk_bytes, source_.unit_bytes()); }
  void wait_with_progress();
  void stop(Error error);

  SourceReader& source_;
  const Geometry geometry_;
  const BulkHashOptions& options_;
  const std::size_t lanes_;
  std::vector<Sha1Digest> digests_;  // each written by the worker that has the piece
  std::atomic<std::uint32_t> next_piece_{0};
  std::atomic<std::uint64_t> bytes_done_{0};
  std::atomic<bool> stopped_{false};

  std::mutex mutex_;
  std::condition_variable worker_done_;
  unsigned working_ = 0;          // by mutex_
  std::optional<Error> failure_;  // by mutex_; the first
};

Result<std::vector<Sha1Digest>> BulkHash::run() {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  working_ = options_.threads == 0 ? cores : options_.threads;
  if (source_.sequential()) working_ = 1;
  std::vector<std::jthread> workers;
  for (unsigned i = working_; i > 0; --i) workers.emplace_back([this] { work(); });
  wait_with_progress();
  workers.clear();
  if (failure_) return *failure_;
  return std::move(digests_);
}

void BulkHash::work() {
  const auto lanes = std::min<std::size_t>(lanes_, geometry_.piece_count());
  const std::size_t buffer_bytes = lanes * std::min(chunk(), geometry_.piece_length());
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
  while (!stopped_) {
    Batch batch = take_batch();
    if (batch.empty()) break;
    leave_out_holes(batch);
    if (Result<void> hashed = hash_batch(batch, {buffer.get(), buffer_bytes}); !hashed) stop(hashed.error());
  }
  const std::lock_guard lock(mutex_);
  --working_;
  worker_done_.notify_one();
}

BulkHash::Batch BulkHash::take_batch() {
  const auto lanes = static_cast<std::uint32_t>(lanes_);
  std::uint32_t first = next_piece_;
  std::uint32_t count = 0;
  do {
    count = std::min(lanes, geometry_.piece_count() - first);
  } while (!next_piece_.compare_exchange_weak(first, first + count));
  Batch batch;
  for (std::uint32_t i = 0; i < count; ++i) batch.emplace_back(first + i);
  return batch;
}

void BulkHash::leave_out_holes(Batch& batch) {
  std::erase_if(batch, [this](PieceIndex piece) {
    const std::uint32_t size = geometry_.piece_size(piece);
    if (!source_.is_hole(geometry_.piece_offset(piece), size)) return false;
    digests_[piece.value()] = zero_digest(size);
    bytes_done_ += size;
    return true;
  });
}

Result<void> BulkHash::hash_batch(const Batch& batch, MutableBytes buffer) {
  if (batch.empty()) return {};
  std::vector<Sha1State> states(batch.size());
  const std::uint32_t longest = geometry_.piece_size(batch.front());
  for (std::uint32_t begin = 0; begin < longest && !stopped_; begin += chunk()) {
    if (Result<void> hashed = hash_chunk(batch, begin, buffer, states); !hashed) return hashed;
  }
  for (std::size_t i = 0; i < batch.size(); ++i) digests_[batch[i].value()] = sha1_final(states[i]);
  return {};
}

// Advances every piece of the batch over its bytes from `begin` on.
Result<void> BulkHash::hash_chunk(const Batch& batch, std::uint32_t begin, MutableBytes buffer,
                                  std::span<Sha1State> states) {
  std::vector<Sha1Input> inputs;
  std::size_t used = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const PieceIndex piece = batch[i];
    const MutableBytes chunk = buffer.subspan(used, chunk_of(piece, begin));
    if (chunk.empty()) continue;  // the torrent's last piece may be shorter
    const std::uint64_t offset = geometry_.piece_offset(piece) + begin;
    if (Result<void> done = source_.read(offset, chunk); !done) return done;
    inputs.push_back({&states[i], chunk});
    used += chunk.size();
  }
  sha1_update(options_.kind, inputs);
  bytes_done_ += used;
  return {};
}

std::uint32_t BulkHash::chunk_of(PieceIndex piece, std::uint32_t begin) const {
  const std::uint32_t size = geometry_.piece_size(piece);
  return begin >= size ? 0 : std::min(chunk(), size - begin);
}

void BulkHash::wait_with_progress() {
  std::unique_lock lock(mutex_);
  do {
    if (!options_.progress || stopped_) continue;
    lock.unlock();
    if (!options_.progress(bytes_done_)) stop({"stopped", ECANCELED});
    lock.lock();
  } while (!worker_done_.wait_for(lock, progress_interval, [this] { return working_ == 0; }));
}

void BulkHash::stop(Error error) {
  stopped_ = true;
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = std::move(error);
}

}  // namespace

Result<std::vector<Sha1Digest>> hash_pieces(SourceReader& source, const Geometry& geometry,
                                            const BulkHashOptions& options) {
  return BulkHash(source, geometry, options).run();
}

Result<Sha1Digest> hash_piece(SourceReader& source, const Geometry& geometry, PieceIndex piece) {
  const std::uint64_t offset = geometry.piece_offset(piece);
  const std::uint32_t size = geometry.piece_size(piece);
  std::vector<std::byte> buffer(std::min(size, MiB));
  Sha1State state;
  while (state.length < size) {
    const MutableBytes part = MutableBytes(buffer).first(std::min<std::uint64_t>(MiB, size - state.length));
    if (Result<void> done = source.read(offset + state.length, part); !done) return done.error();
    Sha1Input input{&state, part};
    sha1_update(Sha1Kind::openssl, {&input, 1});
  }
  return sha1_final(state);
}

std::vector<PieceIndex> differing_pieces(std::span<const Sha1Digest> found,
                                         std::span<const Sha1Digest> wanted) {
  assert(found.size() == wanted.size());
  std::vector<PieceIndex> pieces;
  for (std::uint32_t i = 0; i < wanted.size(); ++i) {
    if (found[i] != wanted[i]) pieces.emplace_back(i);
  }
  return pieces;
}

}  // namespace ezio
