#include "disk/grow_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ezio {
namespace {

bool holds(const GrowPartition& outer, const GrowPartition& inner) {
  return outer.start <= inner.start && inner.end() <= outer.end();
}

GrowPlan nothing(std::string why) {
  GrowPlan plan;
  plan.why_not = std::move(why);
  return plan;
}

}  // namespace

GrowPlan plan_growth(const GrowTable& table) {
  GrowPlan plan;
  for (const GrowPartition& partition : table.partitions) {
    if (!partition.extended && partition.end() > plan.last.end()) plan.last = partition;
  }
  const GrowPartition& last = plan.last;
  if (last.sectors == 0) return nothing("the partition table has no partition");
  for (const GrowPartition& other : table.partitions) {
    if (other.number == last.number) continue;
    if (other.extended && last.logical && holds(other, last)) {
      plan.extended = other;
    } else if (other.end() > last.start) {
      return nothing(other.extended && other.start >= last.end()
                         ? fmt::format("an extended partition lies behind partition {}", last.number)
                         : fmt::format("partitions {} and {} overlap", other.number, last.number));
    }
  }
  if (last.logical && !plan.extended) return nothing(fmt::format("partition {} is in none", last.number));
  const std::uint64_t grain = std::max<std::uint64_t>(grow_grain_bytes / table.sector_bytes, 1);
  const std::uint64_t end = table.end / grain * grain;
  plan.new_end = end >= last.end() + grain ? end : last.end();
  return plan;
}

}  // namespace ezio
