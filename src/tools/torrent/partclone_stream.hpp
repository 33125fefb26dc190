// What partclone -c writes (its image format, version 2), as a source that is read once and in order: from a
// pipe, or a file.
//
//   110 bytes: "partclone-image\0", versions, 0xC0DE; file system, bytes of the device, blocks, used ones
//   (twice), block size; options; the CRC-32 of these a bit a block, whether it is used, and its CRC-32 the
//   used blocks, behind every so many a CRC-32 of them
//
// Numbers are little-endian. The CRC-32 is the usual one without its last step, the inversion.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"
#include "disk/source_reader.hpp"
#include "disk/unique_fd.hpp"

namespace ezio {

class PartcloneStream final : public SourceReader {
 public:
  // Reads up to the first block. `name` is for messages. Refused: everything but version 2 with a bitmap, and
  // what is altered.
  static Result<std::unique_ptr<PartcloneStream>> open(UniqueFd fd, std::string name);

  const std::vector<Extent>& extents() const { return extents_; }  // the used blocks
  std::uint64_t device_bytes() const { return device_bytes_; }

  // Only from where the last one ended. Checks every CRC, and that the stream ends with the last block.
  Result<void> read(std::uint64_t torrent_offset, MutableBytes data) override;
  bool sequential() const override { return true; }

 private:
  PartcloneStream(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  Result<void> read_header();
  Result<void> read_bitmap(std::uint64_t blocks, std::uint64_t used);
  Result<void> read_checksum(std::uint32_t wanted, const char* of);
  Result<void> read_exactly(MutableBytes data);
  Result<std::size_t> read_some(MutableBytes data);
  Error fault(const std::string& what) const;

  const UniqueFd fd_;
  const std::string name_;
  std::uint64_t offset_ = 0;  // in the stream
  std::uint64_t device_bytes_ = 0;
  std::uint32_t block_bytes_ = 0;
  std::uint64_t checked_bytes_ = 0;  // of data before each CRC; 0: there are none
  bool reseed_ = false;              // each is of these bytes, not of all
  std::vector<Extent> extents_;
  std::uint64_t length_ = 0;    // of all of them
  std::uint64_t position_ = 0;  // in them
  std::uint32_t crc_ = 0;
};

// Whether this is a file that begins as such a stream does.
bool is_partclone_image(const std::string& path);

}  // namespace ezio
