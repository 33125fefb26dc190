#include "disk/packed_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "bt/base/errno_text.hpp"
#include "bt/metainfo/extents.hpp"

namespace ezio {
namespace {

// The disk gets to work on so much while the next is packed, so that the end has little to flush.
constexpr std::uint64_t handed_at_once = 32 * std::uint64_t{MiB};

}  // namespace

Result<std::unique_ptr<PackedWriter>> PackedWriter::create(const std::string& path,
                                                           const PackedHeader& header) {
  auto file = PartialFile::create(path);
  if (!file) return file.error();
  std::unique_ptr<PackedWriter> writer(new PackedWriter(std::move(*file), total_length(header.extents)));
  if (auto done = writer->write_frame(encode_packed_header(header), 0, plain_checksum({})); !done)
    return done.error();
  return writer;
}

Result<void> PackedWriter::add(const PackedUnit& unit) {
  assert(plain_ + unit.plain_bytes <= whole_);
  plain_ += unit.plain_bytes;
  if (unit.stored.empty()) {
    zeros_ += unit.plain_bytes;
    return {};
  }
  if (auto done = write_zeros(); !done) return done;
  return write_frame(unit.stored, static_cast<std::uint32_t>(unit.plain_bytes), unit.checksum);
}

Result<void> PackedWriter::finish() {
  assert(plain_ == whole_);
  if (auto done = write_zeros(); !done) return done;
  if (entries_.size() > max_seek_frames) {
    return path_error(file_.path(), fmt::format("{} frames are too many for a packed image: {} are the most",
                                                entries_.size(), max_seek_frames));
  }
  if (auto done = write(encode_seek_table(entries_)); !done) return done;
  return file_.finish();
}

Result<void> PackedWriter::write_zeros() {
  while (zeros_ > 0) {
    const auto here = static_cast<std::uint32_t>(std::min<std::uint64_t>(zeros_, max_zero_frame_bytes));
    auto done = write_frame(encode_zero_frame(here), here, zero_checksums_.of(here));
    if (!done) return done;
    zeros_ -= here;
  }
  return {};
}

Result<void> PackedWriter::write_frame(Bytes stored, std::uint32_t plain_bytes, std::uint32_t checksum) {
  entries_.push_back({static_cast<std::uint32_t>(stored.size()), plain_bytes, checksum});
  return write(stored);
}

Result<void> PackedWriter::write(Bytes bytes) {
  if (const int error = write_fully(file_.fd(), bytes); error != 0)
    return path_errno(file_.name(), fmt::format("cannot be written at offset {:#x}", stored_), error);
  stored_ += bytes.size();
  if (stored_ - handed_ < handed_at_once) return {};
  ::sync_file_range(file_.fd(), static_cast<off_t>(handed_), static_cast<off_t>(stored_ - handed_),
                    SYNC_FILE_RANGE_WRITE);
  handed_ = stored_;
  return {};
}

}  // namespace ezio
