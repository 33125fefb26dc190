#include "disk/source_reader.hpp"

#include <fmt/format.h>

#include <cassert>

#include "bt/base/errno_text.hpp"
#include "disk/holes.hpp"
#include "disk/source.hpp"
#include "disk/thread_executor.hpp"

namespace ezio {
namespace {

class BlockingReader final : public SourceReader {
 public:
  explicit BlockingReader(std::unique_ptr<IoFile> source) : source_(std::move(source)) {
    assert(source_->alignment.sector == 1);
  }

  Result<void> read(std::uint64_t torrent_offset, MutableBytes data) override {
    PlanCursor cursor(source_->map, PlanCursor::Direction::read, source_->alignment, torrent_offset,
                      data.data(), data.size());
    while (!cursor.done()) {
      const DiskOp op = cursor.next();
      const IoFile::Handle handle = source_->open_run(op.run);
      OpRun run(op, source_->alignment.sector, nullptr);
      carry_out(run, handle);
      if (run.status().ok()) continue;
      const std::uint64_t offset = run.status().device_offset - handle.base;
      return path_errno(source_->path_of(op.run), fmt::format("cannot read at offset {:#x}", offset),
                        run.status().error);
    }
    return {};
  }
  bool is_hole(std::uint64_t torrent_offset, std::uint64_t length) override {
    return ezio::is_hole(*source_, torrent_offset, length);
  }
  bool sequential() const override { return source_->rotational(); }

 private:
  const std::unique_ptr<IoFile> source_;
};

// Whose errors say more than an errno does.
class PackedReader final : public SourceReader {
 public:
  explicit PackedReader(std::shared_ptr<const PackedImage> image) : image_(std::move(image)) {}

  Result<void> read(std::uint64_t torrent_offset, MutableBytes data) override {
    return image_->read(torrent_offset, data);
  }
  bool is_hole(std::uint64_t torrent_offset, std::uint64_t length) override {
    return image_->is_hole(torrent_offset, length);
  }
  std::uint32_t unit_bytes() const override { return packed_unit_bytes; }
  bool sequential() const override { return image_->rotational(); }

 private:
  const std::shared_ptr<const PackedImage> image_;
};

}  // namespace

std::unique_ptr<SourceReader> make_source_reader(std::unique_ptr<IoFile> source) {
  return std::make_unique<BlockingReader>(std::move(source));
}

std::unique_ptr<SourceReader> make_source_reader(std::shared_ptr<const PackedImage> image) {
  return std::make_unique<PackedReader>(std::move(image));
}

Result<std::unique_ptr<SourceReader>> open_source_reader(const std::string& path, std::string_view name,
                                                         std::span<const Extent> extents) {
  if (is_packed_image(path)) {
    auto image = open_packed_source(path, extents);
    if (!image) return image.error();
    return make_source_reader(std::move(*image));
  }
  auto source = open_source(path, name, extents, SourceAccess::page_cache);
  if (!source) return source.error();
  return make_source_reader(std::move(*source));
}

}  // namespace ezio
