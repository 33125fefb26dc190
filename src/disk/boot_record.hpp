// An extended boot record of an MBR: one partition, and where the next record is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio {

inline constexpr int most_boot_records = 256;  // of a disk: a bound for a chain that runs in a circle

class BootRecord {
 public:
  struct Entry {
    std::uint64_t start = 0;    // sectors; of a link from the first record of the chain, else from this one
    std::uint64_t sectors = 0;  // 0 where there is none
    bool link = false;          // to the next record
  };

  // At byte `at`. `fd` and `path`, which is for messages, must outlive the record.
  static Result<BootRecord> read(int fd, const std::string& path, std::uint64_t at);

  bool valid() const;                       // it ends in the magic number
  Entry entry(std::size_t index) const;     // of 4
  std::optional<std::size_t> link() const;  // the first that there is

  // Sets the length of an entry, and writes the record.
  Result<void> write_sectors(std::size_t index, std::uint32_t sectors);

 private:
  BootRecord(int fd, const std::string& path, std::uint64_t at) : fd_(fd), path_(&path), at_(at) {}

  int fd_;
  const std::string* path_;
  std::uint64_t at_;
  std::array<std::byte, 512> bytes_{};
};

}  // namespace ezio
