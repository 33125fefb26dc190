// Writing a packed image, front to back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "disk/packed_unit.hpp"
#include "disk/seek_table.hpp"
#include "disk/small_file.hpp"

namespace ezio {

// Writes to PATH.partial, which replaces PATH when all is there and on the disk. Until then, and on every
// error, PATH is as it was; what was written goes with this object.
class PackedWriter {
 public:
  // Refused where PATH is there and no file, or PATH.partial is there already, or cannot be made.
  static Result<std::unique_ptr<PackedWriter>> create(const std::string& path, const PackedHeader& header);
  PackedWriter(const PackedWriter&) = delete;
  PackedWriter& operator=(const PackedWriter&) = delete;

  // What comes next. All but the last one are whole MiBs.
  Result<void> add(const PackedUnit& unit);
  // With all that the extents have.
  Result<void> finish();

  std::uint64_t plain_bytes() const { return plain_; }
  std::uint64_t stored_bytes() const { return stored_; }  // of the file so far

 private:
  PackedWriter(PartialFile file, std::uint64_t whole) : file_(std::move(file)), whole_(whole) {}
  Result<void> write(Bytes bytes);
  Result<void> write_frame(Bytes stored, std::uint32_t plain_bytes, std::uint32_t checksum);
  Result<void> write_zeros();

  PartialFile file_;
  const std::uint64_t whole_;  // plain bytes that are to come
  std::uint64_t plain_ = 0;
  std::uint64_t stored_ = 0;
  std::uint64_t handed_ = 0;  // of stored_, to the disk
  std::uint64_t zeros_ = 0;   // of plain_, not written yet
  ZeroChecksums zero_checksums_;
  std::vector<SeekEntry> entries_;
};

}  // namespace ezio
