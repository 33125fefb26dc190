#include "disk/unused_space.hpp"

#include <algorithm>
#include <optional>

namespace ezio {
namespace {

// The whole units in [begin, end).
std::optional<Extent> whole_units(std::uint64_t begin, std::uint64_t end, DiscardUnits units) {
  begin = std::max(begin, units.first);
  if (end < begin || end - begin < units.size) return std::nullopt;
  const std::uint64_t beyond = (begin - units.first) % units.size;
  const std::uint64_t offset = beyond == 0 ? begin : begin + (units.size - beyond);
  const std::uint64_t length = (end - offset) / units.size * units.size;
  if (length == 0) return std::nullopt;
  return Extent{offset, length};
}

std::vector<Extent> sorted_copy(std::span<const Extent> extents) {
  std::vector<Extent> sorted(extents.begin(), extents.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

std::vector<Extent> between(std::span<const Extent> sorted, std::uint64_t end, DiscardUnits units,
                            std::uint64_t least) {
  std::vector<Extent> found;
  const auto add = [&](std::uint64_t from, std::uint64_t to) {
    if (const auto range = whole_units(from, to, units); range && range->length >= least)
      found.push_back(*range);
  };
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const std::uint64_t from = sorted[i].offset + sorted[i].length;
    if (i + 1 < sorted.size()) {
      add(from, sorted[i + 1].offset);
    } else if (end > kept_at_end_bytes) {
      add(from, end - kept_at_end_bytes);
    }
  }
  return found;
}

}  // namespace

DiscardUnits discard_units(std::uint64_t granularity, std::uint64_t alignment, std::uint64_t sector) {
  if (granularity == 0 || granularity % sector != 0 || alignment % sector != 0) return {sector, 0};
  return {granularity, alignment % granularity};
}

std::vector<Extent> unused_space(std::span<const Extent> extents, std::uint64_t end, DiscardUnits units,
                                 std::uint64_t least) {
  if (std::is_sorted(extents.begin(), extents.end())) return between(extents, end, units, least);
  return between(sorted_copy(extents), end, units, least);
}

}  // namespace ezio
