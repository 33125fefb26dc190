// The partition table of a disk, or of an image of one: what is in it, and which bytes it is made of.
//
// GPT (UEFI specification, 5.3) and MBR with its chain of extended ones, read by libfdisk; nothing is
// written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/device_file.hpp"

namespace ezio {

struct TablePartition {
  std::uint32_t number = 0;  // as the kernel counts: 1 is /dev/sda1
  std::uint64_t offset = 0;  // bytes
  std::uint64_t length = 0;  // bytes
  std::string name;          // of a GPT's entry
};

struct PartitionTable {
  std::string type;                  // by libblkid's name: "gpt", "dos"
  std::uint32_t sector_bytes = 512;  // in which it counts
  std::vector<TablePartition>
      partitions;  // ascending by offset, disjoint; without those that only hold others
  // What must be copied for a disk to have the same table: the first sectors with boot code and the gap
  // behind them, a GPT's backup, each extended boot record. Ascending, disjoint.
  std::vector<Extent> own;
  std::uint64_t disk_bytes = 0;  // a disk must have so many for this table
};

// Of the gap between the first sectors and the first partition, where boot loaders put code, no more than
// this.
inline constexpr std::uint64_t most_gap_bytes = 16 * MiB;

// Empty where there is none. Refused: one that is damaged, reaches beyond the disk, or is of a kind that is
// neither GPT nor MBR.
Result<std::optional<PartitionTable>> read_partition_table(const DeviceFile& disk);

}  // namespace ezio
