// Random extents and a byte-by-byte model of a device, for the disk path's property tests.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "bt/base/types.hpp"

namespace ezio::test {

using Random = std::mt19937_64;

inline std::uint64_t between(Random& random, std::uint64_t low, std::uint64_t high) {
  return std::uniform_int_distribution<std::uint64_t>(low, high)(random);
}

// What every byte of a device was before it is written; never the same in neighbours.
inline std::byte old_byte(std::uint64_t offset) {
  return static_cast<std::byte>(offset * 7 + offset / 251);
}
// The bytes of the torrent.
inline std::byte torrent_byte(std::uint64_t offset) {
  return static_cast<std::byte>(offset * 13 + offset / 253 + 101);
}

inline std::vector<std::byte> old_device(std::uint64_t bytes) {
  std::vector<std::byte> device(bytes);
  for (std::uint64_t i = 0; i < bytes; ++i) device[i] = old_byte(i);
  return device;
}

inline std::vector<std::byte> torrent_bytes(std::uint64_t bytes) {
  std::vector<std::byte> torrent(bytes);
  for (std::uint64_t i = 0; i < bytes; ++i) torrent[i] = torrent_byte(i);
  return torrent;
}

// Disjoint extents of lengths up to max_length with gaps up to max_gap (often none), multiples of `unit`, in
// random order half of the time.
inline std::vector<Extent> random_extents(Random& random, std::uint64_t device_bytes,
                                          std::uint64_t max_length, std::uint64_t max_gap,
                                          std::uint64_t unit = 1) {
  std::vector<Extent> extents;
  std::uint64_t at = unit * between(random, 0, max_gap / unit);
  while (true) {
    const std::uint64_t length = unit * between(random, 1, std::max<std::uint64_t>(1, max_length / unit));
    if (at + length > device_bytes) break;
    extents.push_back({at, length});
    at += length;
    if (between(random, 0, 2) > 0) at += unit * between(random, 0, max_gap / unit);
  }
  if (extents.empty()) extents.push_back({0, unit});
  if (between(random, 0, 1) == 0) std::shuffle(extents.begin(), extents.end(), random);
  return extents;
}

inline std::uint64_t length_of(const std::vector<Extent>& extents) {
  std::uint64_t sum = 0;
  for (const Extent& extent : extents) sum += extent.length;
  return sum;
}

// The device after every byte of the torrent has been written to it.
inline std::vector<std::byte> written_device(std::uint64_t device_bytes, const std::vector<Extent>& extents) {
  std::vector<std::byte> device = old_device(device_bytes);
  std::uint64_t torrent_offset = 0;
  for (const Extent& extent : extents) {
    for (std::uint64_t i = 0; i < extent.length; ++i)
      device[extent.offset + i] = torrent_byte(torrent_offset++);
  }
  return device;
}

struct Range {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// [0, total) cut into pieces of up to max_length bytes, in random order.
inline std::vector<Range> random_cut(Random& random, std::uint64_t total, std::uint64_t max_length) {
  std::vector<Range> ranges;
  for (std::uint64_t at = 0; at < total; at += ranges.back().length) {
    ranges.push_back({at, std::min(total - at, between(random, 1, max_length))});
  }
  std::shuffle(ranges.begin(), ranges.end(), random);
  return ranges;
}

// The first byte where the two differ, or their size.
inline std::size_t first_difference(const std::vector<std::byte>& a, const std::vector<std::byte>& b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace ezio::test
