#include "sim/disk.hpp"

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

void Disk::flush(std::uint64_t token) {
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

bool Disk::holds_truth() const {
  return same_bytes(image_.truth(0, image_.metainfo().total_length), contents_);
}

void FaultyDisk::read(std::uint64_t token, std::uint64_t torrent_offset, MutableBytes data) {
  if (reads_++ < faults_.reads_fail_from) return inner_.read(token, torrent_offset, data);
  inner_.complete(token, faults_.error, torrent_offset, fault_delay);
}

void FaultyDisk::write(std::uint64_t token, std::uint64_t torrent_offset, Bytes data) {
  if (writes_++ < faults_.writes_fail_from) return inner_.write(token, torrent_offset, data);
  inner_.complete(token, faults_.error, torrent_offset, fault_delay);
}

void FaultyDisk::flush(std::uint64_t token) {
  if (!faults_.flush_fails) return inner_.flush(token);
  inner_.complete(token, faults_.error, 0, fault_delay);
}

}  // namespace ezio::sim
