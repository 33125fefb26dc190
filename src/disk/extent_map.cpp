#include "disk/extent_map.hpp"

#include <algorithm>
#include <cassert>

namespace ezio {
namespace {

bool starts_run(std::span<const Extent> extents, std::size_t index, ExtentMap::Merge merge) {
  if (index == 0 || merge == ExtentMap::Merge::none) return true;
  const Extent& before = extents[index - 1];
  return before.offset + before.length != extents[index].offset;
}

}  // namespace

ExtentMap::ExtentMap(std::span<const Extent> extents, Merge merge) {
  assert(!extents.empty());
  std::size_t runs =
      0;  // counted first: growing a vector of a million runs would need three times the memory
  for (std::size_t i = 0; i < extents.size(); ++i) runs += starts_run(extents, i, merge);
  starts_.reserve(runs);
  for (std::size_t i = 0; i < extents.size(); ++i) {
    assert(extents[i].length > 0);
    if (starts_run(extents, i, merge)) starts_.push_back({total_length_, extents[i].offset});
    total_length_ += extents[i].length;
  }
}

DeviceRun ExtentMap::run(std::size_t index) const {
  assert(index < starts_.size());
  const std::uint64_t end = index + 1 < starts_.size() ? starts_[index + 1].torrent_offset : total_length_;
  const Start& start = starts_[index];
  return {start.torrent_offset, start.device_offset, end - start.torrent_offset};
}

std::size_t ExtentMap::run_at(std::uint64_t torrent_offset) const {
  assert(torrent_offset < total_length_);
  const auto after = std::upper_bound(
      starts_.begin(), starts_.end(), torrent_offset,
      [](std::uint64_t offset, const Start& start) { return offset < start.torrent_offset; });
  return static_cast<std::size_t>(after - starts_.begin()) - 1;
}

}  // namespace ezio
