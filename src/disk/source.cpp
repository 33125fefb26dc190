#include "disk/source.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "bt/base/errno_text.hpp"
#include "bt/metainfo/extents.hpp"
#include "disk/device_use.hpp"
#include "disk/file_cache.hpp"
#include "disk/rotational.hpp"

namespace ezio {
namespace {

class DeviceIo final : public IoFile {
 public:
  DeviceIo(DeviceFile file, std::span<const Extent> extents, std::uint64_t owner_value)
      : IoFile(ExtentMap(extents), {file.sector, file.memory_alignment}, owner_value),
        file_(std::move(file)) {}

  Handle open_run(std::uint32_t) const override { return {file_.fd.get(), 0, 0, nullptr}; }
  std::string path_of(std::uint32_t) const override { return file_.path; }
  std::string kind() const override {
    if (file_.direct) return fmt::format("O_DIRECT, {}-byte sectors", file_.sector);
    return fmt::format("buffered ({})", file_.why_not_direct);
  }
  bool rotational() const override { return file_.rotational; }

 private:
  DeviceFile file_;
};

class DirectoryIo final : public IoFile {
 public:
  DirectoryIo(OffsetDirectory directory, std::span<const Extent> extents, std::uint64_t owner_value)
      : IoFile(ExtentMap(extents, ExtentMap::Merge::none), IoAlignment{}, owner_value),
        directory_(std::move(directory)),
        files_([this](std::size_t run) { return open_file(static_cast<std::uint32_t>(run)); }) {
    directory_.files = {};  // the map knows them from here on
  }

  Handle open_run(std::uint32_t run) const override {
    const FileCache::File file = files_.get(run);
    const std::uint64_t base = map.run(run).device_offset;
    if (file->error != 0) return {-1, file->error, base, nullptr};
    return {file->fd.get(), 0, base, file};
  }
  bool opens_files() const override { return true; }
  bool rotational() const override {
    struct stat status {};
    return ::fstat(directory_.fd.get(), &status) == 0 && is_rotational(status);
  }
  std::string path_of(std::uint32_t run) const override { return directory_.path + "/" + name_of(run); }
  std::string kind() const override { return "a directory of extents"; }

 private:
  std::string name_of(std::uint32_t run) const { return directory_.name_of(map.run(run).device_offset); }
  UniqueFd open_file(std::uint32_t run) const {
    return UniqueFd(::openat(directory_.fd.get(), name_of(run).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  }

  OffsetDirectory directory_;
  mutable FileCache files_;
};

// Unpacked by the threads that read. One run: offsets are the torrent's.
class PackedIo final : public IoFile {
 public:
  PackedIo(std::shared_ptr<const PackedImage> image, std::uint64_t owner_value)
      : IoFile(ExtentMap(std::vector<Extent>{{0, image->plain_bytes()}}), IoAlignment{}, owner_value),
        image_(std::move(image)) {}

  Handle open_run(std::uint32_t) const override { return {-1, EIO, 0, nullptr, image_.get()}; }
  const StoredBytes* stored() const override { return image_.get(); }
  bool opens_files() const override { return true; }
  bool rotational() const override { return image_->rotational(); }
  std::string path_of(std::uint32_t) const override { return image_->path(); }
  std::string kind() const override { return "a packed image"; }

 private:
  const std::shared_ptr<const PackedImage> image_;
};

// Extents may be cut in other places: what counts is where the bytes lie on the device.
bool same_bytes(std::span<const Extent> a, std::span<const Extent> b) {
  const ExtentMap map_a(a), map_b(b);
  if (map_a.run_count() != map_b.run_count()) return false;
  for (std::size_t i = 0; i < map_a.run_count(); ++i) {
    if (map_a.run(i) != map_b.run(i)) return false;
  }
  return true;
}

}  // namespace

Result<DeviceFile> open_source_device(const std::string& path, std::uint64_t needed_bytes) {
  struct stat status {};
  // Looked at before it is opened: opening some character devices and FIFOs waits or has effects.
  if (::stat(path.c_str(), &status) != 0) return path_errno(path, "cannot stat", errno);
  if (auto reason = refuse_kind(status)) return path_error(path, *reason);
  auto file = open_device_file(path, O_RDONLY, status);
  if (!file) return file;
  if (file->size < needed_bytes) {
    return path_error(
        path, fmt::format("has {} bytes, the torrent needs {}: it is not what the torrent was made of",
                          file->size, needed_bytes));
  }
  if (file->block_device) {
    file->identity = find_identity(status);
  } else {
    file->why_not_direct = "an image file is read through the page cache";
  }
  return file;
}

std::unique_ptr<IoFile> make_io_file(DeviceFile file, std::span<const Extent> extents, std::uint64_t owner) {
  return std::make_unique<DeviceIo>(std::move(file), extents, owner);
}

std::unique_ptr<IoFile> make_io_file(OffsetDirectory directory, std::span<const Extent> extents,
                                     std::uint64_t owner) {
  return std::make_unique<DirectoryIo>(std::move(directory), extents, owner);
}

Result<std::shared_ptr<const PackedImage>> open_packed_source(const std::string& path,
                                                              std::span<const Extent> extents) {
  auto image = PackedImage::open(path);
  if (!image) return image;
  if (same_bytes((*image)->header().extents, extents)) return image;
  return path_error(
      path, fmt::format("holds {} bytes of other places of a disk than the torrent's {}: it is not what the "
                        "torrent was made of",
                        (*image)->plain_bytes(), total_length(extents)));
}

std::unique_ptr<IoFile> make_io_file(std::shared_ptr<const PackedImage> image, std::uint64_t owner) {
  return std::make_unique<PackedIo>(std::move(image), owner);
}

Result<std::unique_ptr<IoFile>> open_source(const std::string& path, std::string_view name,
                                            std::span<const Extent> extents, SourceAccess access,
                                            std::uint64_t owner) {
  if (is_directory(path)) {
    auto directory = open_offset_directory(path, name, extents);
    if (!directory) return directory.error();
    return make_io_file(std::move(*directory), extents, owner);
  }
  if (is_packed_image(path)) {
    auto image = open_packed_source(path, extents);
    if (!image) return image.error();
    return make_io_file(std::move(*image), owner);
  }
  auto file = open_source_device(path, extents_end(extents));
  if (!file) return file.error();
  if (file->block_device && access == SourceAccess::direct) choose_direct(*file);
  return make_io_file(std::move(*file), extents, owner);
}

}  // namespace ezio
