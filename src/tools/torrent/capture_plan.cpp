#include "tools/torrent/capture_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bt/base/errno_text.hpp"
#include "bt/base/printable.hpp"
#include "bt/metainfo/extents.hpp"
#include "disk/partition_table.hpp"
#include "disk/signatures.hpp"
#include "tools/torrent/part_use.hpp"
#include "tools/torrent/size_text.hpp"

namespace ezio {
namespace {

Failure refused(const DeviceFile& disk, std::string_view what) {
  return failure(ExitCode::refused, path_error(disk.path, what));
}

std::string described(const DiskPartition& partition, const PartUse& use) {
  std::string what = use.type.empty() ? "nothing that is known" : printable(use.type);
  if (!partition.name.empty()) what += " " + quoted(partition.name);
  return fmt::format("partition {}: {}, {} of {}: {}", partition.number, what, size_text(partition.used),
                     size_text(partition.length), use.how);
}

class Planner {
 public:
  Planner(const DeviceFile& disk, const std::set<std::uint32_t>& whole) : disk_(disk), whole_(whole) {}

  Outcome<CapturePlan> run() {
    // libblkid tells a table from a FAT's boot sector, which looks like one.
    const auto found = find_signatures(disk_.fd.get());
    if (!found) return refused(disk_, found.error().message);
    const bool has_table = std::ranges::any_of(
        *found, [](const Signature& signature) { return signature.kind == Signature::Kind::table; });
    if (!has_table) return take_all();
    const auto table = read_partition_table(disk_);
    if (!table) return failure(ExitCode::refused, table.error());
    if (!*table) return refused(disk_, "has a partition table that libfdisk does not know");
    return take_partitions(**table);
  }

 private:
  Outcome<CapturePlan> take_all() {
    if (!whole_.empty()) return refused(disk_, "has no partition table, and so no partitions");
    const auto use = examine_part(disk_.fd.get(), {0, disk_.size}, Blocks::used);
    if (!use) return refused(disk_, use.error().message);
    plan_.extents = use->extents;
    plan_.target_size = disk_.size;
    plan_.lines.push_back(fmt::format("no partition table; {}, {} of {}: {}",
                                      use->type.empty() ? "nothing that is known" : printable(use->type),
                                      size_text(total_length(plan_.extents)), size_text(disk_.size),
                                      use->how));
    return std::move(plan_);
  }

  Outcome<CapturePlan> take_partitions(const PartitionTable& table) {
    plan_.extents = table.own;
    plan_.target_size = table.disk_bytes;
    plan_.layout.emplace();
    plan_.layout->table = table.type;
    plan_.layout->sector_bytes = table.sector_bytes;
    plan_.lines.push_back(fmt::format("{} partition table, sectors of {} bytes: {} with boot code and gap",
                                      table.type, table.sector_bytes, size_text(total_length(table.own))));
    if (table.partitions.size() > max_partitions)
      return refused(disk_, fmt::format("has more than {} partitions", max_partitions));
    std::set<std::uint32_t> unknown = whole_;
    for (const TablePartition& partition : table.partitions) unknown.erase(partition.number);
    if (!unknown.empty()) return refused(disk_, fmt::format("has no partition {}", *unknown.begin()));
    for (const TablePartition& partition : table.partitions) {
      if (auto done = take(partition); !done) return done.error();
    }
    plan_.extents = joined(std::move(plan_.extents));
    return std::move(plan_);
  }

  Outcome<void> take(const TablePartition& entry) {
    const Extent part{entry.offset, entry.length};
    const Blocks blocks = whole_.contains(entry.number) ? Blocks::every : Blocks::used;
    auto use = examine_part(disk_.fd.get(), part, blocks);
    if (!use)
      return refused(disk_, fmt::format("partition {}: {} (--every-block {} takes all of it)", entry.number,
                                        use.error().message, entry.number));
    DiskPartition& partition = plan_.layout->partitions.emplace_back();
    partition.number = entry.number;
    partition.offset = entry.offset;
    partition.length = entry.length;
    partition.used = total_length(use->extents);
    partition.type = use->type;
    partition.name = entry.name.empty() ? use->label : entry.name;
    plan_.lines.push_back(described(partition, *use));
    plan_.extents.insert(plan_.extents.end(), use->extents.begin(), use->extents.end());
    return {};
  }

  const DeviceFile& disk_;
  const std::set<std::uint32_t>& whole_;
  CapturePlan plan_;
};

}  // namespace

Outcome<CapturePlan> plan_capture(const DeviceFile& disk, const std::set<std::uint32_t>& whole) {
  return Planner(disk, whole).run();
}

}  // namespace ezio
