#include "bt/metainfo/extents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "bt/base/hex.hpp"
#include "bt/metainfo/metainfo.hpp"

namespace ezio {
namespace {

bool fits_device(const Extent& extent) {
  return extent.offset < max_device_bytes && extent.length < max_device_bytes - extent.offset;
}

std::vector<std::uint32_t> order_by_offset(std::span<const Extent> extents) {
  std::vector<std::uint32_t> order(extents.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto offset = [&](std::uint32_t index) { return extents[index].offset; };
  if (!std::ranges::is_sorted(order, {}, offset)) std::ranges::sort(order, {}, offset);
  return order;
}

}  // namespace

std::optional<ExtentFault> find_extent_fault(std::span<const Extent> extents) {
  if (extents.empty()) return ExtentFault{0, "there are no extents"};
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (extents[i].length == 0) return ExtentFault{i, "length is 0"};
    if (!fits_device(extents[i]))
      return ExtentFault{i, to_string(extents[i]) + " ends beyond the largest possible device (2^63 bytes)"};
  }
  const std::vector<std::uint32_t> order = order_by_offset(extents);
  for (std::size_t i = 1; i < order.size(); ++i) {
    const Extent& before = extents[order[i - 1]];
    const Extent& after = extents[order[i]];
    if (before.offset + before.length <= after.offset) continue;
    return ExtentFault{order[i], fmt::format("{} overlaps {}", to_string(after), to_string(before))};
  }
  return {};
}

std::uint64_t extents_end(std::span<const Extent> extents) {
  std::uint64_t end = 0;
  for (const Extent& extent : extents) end = std::max(end, extent.offset + extent.length);
  return end;
}

std::uint64_t total_length(std::span<const Extent> extents) {
  std::uint64_t sum = 0;
  for (const Extent& extent : extents) sum += extent.length;
  return sum;
}

std::string to_string(const Extent& extent) {
  return fmt::format("{} bytes at offset {:#x}", extent.length, extent.offset);
}

std::optional<std::uint64_t> parse_hex_offset(std::string_view name) {
  if (name.empty() || name.size() > 32) return {};
  std::uint64_t value = 0;
  for (const char c : name) {
    const int digit = hex_digit(c);
    if (digit < 0 || value >= max_device_bytes / 16) return {};
    value = value * 16 + static_cast<std::uint64_t>(digit);
  }
  return value;
}

}  // namespace ezio
