// A packed image (disk/packed_format.hpp) that is read: bytes by torrent offset, and whole frames as they are
// stored.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bt/base/file_part.hpp"
#include "bt/base/result.hpp"
#include "disk/packed_format.hpp"
#include "disk/seek_table.hpp"
#include "disk/stored_bytes.hpp"
#include "disk/unique_fd.hpp"

namespace ezio {

// Whether this is a file that begins as a packed image does. A device never is one.
bool is_packed_image(const std::string& path);

// All but open: any thread, several at once. Offsets are torrent offsets unless they are said to be the
// file's.
class PackedImage final : public StoredBytes {
 public:
  // Checks header and table, and that they agree with each other and the file; reads no frame. What is held
  // is no more than both take in the file.
  static Result<std::shared_ptr<const PackedImage>> open(const std::string& path);
  ~PackedImage() override;

  const std::string& path() const { return path_; }
  const PackedHeader& header() const { return header_; }
  std::uint64_t plain_bytes() const { return table_.plain_bytes(); }
  std::uint64_t file_bytes() const { return file_bytes_; }
  bool rotational() const { return rotational_; }

  // What is read has the checksum that was written with it. An error names file, offset in it, and what lies
  // there.
  Result<void> read(std::uint64_t offset, MutableBytes data) const override;
  bool is_hole(std::uint64_t offset, std::uint64_t length) const override;
  std::optional<FilePart> stored_frame(std::uint64_t offset, std::uint64_t length) const override;

  // Frames, from 0 on: those with data, in order.
  struct Frame {
    std::uint64_t stored_offset = 0;  // in the file
    std::uint32_t stored_bytes = 0;
    std::uint64_t plain_offset = 0;
    std::uint32_t plain_bytes = 0;
    enum class Kind { zeros, packed, raw } kind = Kind::packed;
  };
  std::uint32_t frames() const { return table_.frames() - 1; }
  Frame frame(std::uint32_t index) const;
  // Reads the frame from the file, and looks at every bit of it.
  Result<void> verify(const Frame& frame) const;

 private:
  struct Decoder;
  struct Decoded {
    std::uint64_t plain_offset = 0;
    std::uint64_t last_use = 0;
    std::shared_ptr<const std::vector<std::byte>> plain;
  };
  PackedImage(std::string path, UniqueFd fd);
  Result<void> load();
  Result<void> load_header();
  Result<void> load_table();
  Result<void> check_frames();
  Result<void> check_frame(const SeekTable::Place& place);
  bool is_zeros(const SeekEntry& entry) const;
  Result<std::vector<std::byte>> load_bytes(std::uint64_t offset, std::uint64_t bytes,
                                            std::string_view what) const;
  Result<void> pread_fully(std::uint64_t offset, MutableBytes data) const;
  Result<void> unpack(const SeekTable::Place& place, MutableBytes plain) const;
  Result<std::shared_ptr<const std::vector<std::byte>>> decoded(const SeekTable::Place& place) const;
  Error altered(const SeekTable::Place& place, std::string_view what) const;

  const std::string path_;
  const UniqueFd fd_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t header_bytes_ = 0;
  std::uint64_t table_offset_ = 0;
  bool rotational_ = false;
  PackedHeader header_;
  SeekTable table_;
  ZeroChecksums zero_checksums_;  // while it is opened
  std::uint32_t zero_unit_ = 0;   // checksum of a MiB of zeros
  SeekEntry last_if_zeros_;       // what the last frame is where it holds zeros
  mutable std::mutex mutex_;      // guards what follows
  mutable std::vector<std::unique_ptr<Decoder>> idle_;
  mutable std::vector<Decoded> decoded_;  // frames of which a part was read lately
  mutable std::uint64_t uses_ = 0;
};

}  // namespace ezio
