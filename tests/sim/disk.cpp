#include "sim/disk.hpp"

#include <utility>

#include <algorithm>
#include <cassert>

#include "sim/bytes.hpp"

namespace ezio::sim {
namespace {

constexpr Duration fault_delay = std::chrono::milliseconds(3);
constexpr std::byte garbage{0xA5};

}  // namespace

Disk::Disk(Clock& clock, const Image& image, std::uint64_t owner, DiskSink sink, const DiskSpeed& speed)
    : clock_(clock),
      image_(image),
      owner_(owner),
      sink_(std::move(sink)),
      speed_(speed),
      contents_(image.stored(image.metainfo().total_length)) {}

TimePoint Disk::reserve(std::size_t stored_bytes) {
  const double bytes = static_cast<double>(stored_bytes) * image_.shrink();
  busy_until_ = std::max(clock_.now(), busy_until_) + seconds_of(bytes / speed_.bytes_per_second);
  return busy_until_ + speed_.latency;
}

void Disk::read(std::uint64_t token, std::uint64_t torrent_offset, MutableBytes data) {
  std::fill(data.begin(), data.end(), garbage);
  const std::size_t at = torrent_offset / image_.shrink();
  assert(at + data.size() <= contents_.size());
  clock_.at(reserve(data.size()), [this, token, at, data] {
    std::copy_n(contents_.begin() + static_cast<std::ptrdiff_t>(at), data.size(), data.begin());
    sink_({owner_, token, {}});
  });
}

void Disk::write(std::uint64_t token, std::uint64_t torrent_offset, Bytes data) {
  ++writes_in_flight_;
  const std::size_t at = torrent_offset / image_.shrink();
  assert(at + data.size() <= contents_.size());
  clock_.at(reserve(data.size()), [this, token, at, data] {
    --writes_in_flight_;
    dirty_ = true;
    std::copy_n(data.begin(), data.size(), contents_.begin() + static_cast<std::ptrdiff_t>(at));
    sink_({owner_, token, {}});
  });
}

void Disk::zero(std::uint64_t token, std::uint64_t torrent_offset, std::uint64_t length) {
  ++writes_in_flight_;
  const std::size_t at = torrent_offset / image_.shrink();
  const std::size_t size = image_.stored(length);
  assert(at + size <= contents_.size());
  clock_.at(reserve(size), [this, token, at, size] {
    --writes_in_flight_;
    dirty_ = true;
    std::fill_n(contents_.begin() + static_cast<std::ptrdiff_t>(at), size, std::byte{0});
    sink_({owner_, token, {}});
  });
}

void Disk::flush(std::uint64_t token, Cached) {
  assert(writes_in_flight_ == 0);
  clock_.at(reserve(0), [this, token] {
    dirty_ = false;
    sink_({owner_, token, {}});
  });
}

void Disk::complete(std::uint64_t token, int error, std::uint64_t torrent_offset, Duration after) {
  clock_.after(after, [this, token, error, torrent_offset] {
    sink_({owner_, token, {error, Image::device_offset + torrent_offset}});
  });
}

void Disk::load_truth() {
  const Bytes truth = image_.truth(0, image_.metainfo().total_length);
  contents_.assign(truth.begin(), truth.end());
}

void Disk::load_truth(PieceIndex piece) {
  const Geometry shape = image_.geometry();
  const std::uint64_t offset = shape.piece_offset(piece);
  const Bytes truth = image_.truth(offset, shape.piece_size(piece));
  std::copy(truth.begin(), truth.end(),
            contents_.begin() + static_cast<std::ptrdiff_t>(offset / image_.shrink()));
}

void Disk::fill(std::byte value) {
  std::fill(contents_.begin(), contents_.end(), value);
}

bool Disk::holds_truth() const {
  return same_bytes(image_.truth(0, image_.metainfo().total_length), contents_);
}

bool FaultyDisk::goes_wrong(bool its_kind_fails, std::uint64_t token, std::uint64_t torrent_offset) {
  const std::uint32_t nth = operations_++;
  if (nth >= faults_.hangs_from) {
    if (nth >= faults_.hangs_from + depth) waiting_.push_back({token, torrent_offset});
    return true;
  }
  const bool its_turn = faults_.fails_once ? nth == faults_.fails_from : nth >= faults_.fails_from;
  if (!its_turn && !its_kind_fails) return false;
  failures_.push_back({token_work(token), torrent_offset, !flushed_});
  inner_.complete(token, faults_.error, torrent_offset, fault_delay);
  return true;
}

void FaultyDisk::cancel_waiting() {
  for (const Request& request : std::exchange(waiting_, {})) {
    inner_.complete(request.token, ECANCELED, request.torrent_offset, fault_delay);
  }
}

void FaultyDisk::read(std::uint64_t token, std::uint64_t torrent_offset, MutableBytes data) {
  if (goes_wrong(reads_++ >= faults_.reads_fail_from, token, torrent_offset)) return;
  inner_.read(token, torrent_offset, data);
}

bool FaultyDisk::lies_now() {
  return faults_.lies_once ? writes_ == faults_.lies_from + 1 : writes_ > faults_.lies_from;
}

void FaultyDisk::lie(std::uint64_t token, std::uint64_t torrent_offset, Bytes data) {
  if (faults_.lie == DiskFaults::Lie::drop) return inner_.complete(token, 0, torrent_offset, fault_delay);
  if (faults_.lie == DiskFaults::Lie::misdirect) {
    const std::uint64_t elsewhere =
        torrent_offset >= data.size() ? torrent_offset - data.size() : data.size();
    return inner_.write(token, elsewhere, data);
  }
  std::vector<std::byte>& altered = altered_.emplace_back(data.begin(), data.end());
  altered[altered.size() / 2] ^= std::byte{0x10};
  inner_.write(token, torrent_offset, altered);
}

void FaultyDisk::write(std::uint64_t token, std::uint64_t torrent_offset, Bytes data) {
  if (goes_wrong(writes_++ >= faults_.writes_fail_from, token, torrent_offset)) return;
  lies_now() ? lie(token, torrent_offset, data) : inner_.write(token, torrent_offset, data);
}

void FaultyDisk::zero(std::uint64_t token, std::uint64_t torrent_offset, std::uint64_t length) {
  if (goes_wrong(writes_++ >= faults_.writes_fail_from, token, torrent_offset)) return;
  if (!lies_now()) return inner_.zero(token, torrent_offset, length);
  lie(token, torrent_offset, altered_.emplace_back(length));
}

void FaultyDisk::flush(std::uint64_t token, Cached cached) {
  flushed_ = true;
  if (!goes_wrong(faults_.flush_fails, token, 0)) inner_.flush(token, cached);
}

}  // namespace ezio::sim
