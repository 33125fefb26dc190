// What may be enlarged in a partition table when its disk is larger than the table thinks. Arithmetic on
// sectors; a core function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ezio {

struct GrowPartition {
  std::uint32_t number = 0;  // as the kernel counts: 1 is the first
  std::uint64_t start = 0;   // in sectors
  std::uint64_t sectors = 0;
  bool extended = false;  // holds logical ones
  bool logical = false;
  std::uint64_t end() const { return start + sectors; }
};

struct GrowTable {
  std::uint32_t sector_bytes = 512;
  std::uint64_t end = 0;  // of what partitions may use, in sectors
  std::vector<GrowPartition> partitions;
};

// The partition that ends last, and where it may end. It ends there already where both ends are the same.
struct GrowPlan {
  GrowPartition last;
  std::optional<GrowPartition> extended;  // around it
  std::uint64_t new_end = 0;
  std::string why_not;  // nothing may be enlarged, for the user; all else is void
  bool is_larger() const { return new_end > last.end(); }
};

inline constexpr std::uint64_t grow_grain_bytes = 1 << 20;  // less is not worth it; ends lie on multiples

GrowPlan plan_growth(const GrowTable& table);

}  // namespace ezio
