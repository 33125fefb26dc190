#include "disk/source_reader.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "bt/base/errno_text.hpp"
#include "bt/metainfo/extents.hpp"
#include "disk/extent_map.hpp"
#include "disk/file_cache.hpp"

namespace ezio {
namespace {

// 0, or an errno; EIO where the file ends too early.
int pread_fully(int fd, MutableBytes data, std::uint64_t offset) {
  while (!data.empty()) {
    const ssize_t got = ::pread(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return EIO;
    data = data.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return 0;
}

// Calls part(run index, offset in the run, bytes) for each run that the bytes from torrent_offset on touch.
template <class Part>
Result<void> for_each_run(const ExtentMap& map, std::uint64_t torrent_offset, MutableBytes data, Part part) {
  for (std::size_t index = map.run_at(torrent_offset); !data.empty(); ++index) {
    const DeviceRun run = map.run(index);
    const std::uint64_t skip = torrent_offset - run.torrent_offset;
    const std::size_t bytes = std::min<std::uint64_t>(data.size(), run.length - skip);
    if (Result<void> done = part(index, run, skip, data.first(bytes)); !done) return done;
    data = data.subspan(bytes);
    torrent_offset += bytes;
  }
  return {};
}

class FileReader final : public SourceReader {
 public:
  FileReader(SourceFile file, std::span<const Extent> extents) : file_(std::move(file)), map_(extents) {}

  Result<void> read(std::uint64_t torrent_offset, MutableBytes data) override {
    return for_each_run(
        map_, torrent_offset, data,
        [this](std::size_t, const DeviceRun& run, std::uint64_t skip, MutableBytes part) -> Result<void> {
          const std::uint64_t offset = run.device_offset + skip;
          const int error = pread_fully(file_.fd.get(), part, offset);
          if (error == 0) return {};
          return path_errno(file_.path, fmt::format("cannot read at offset {:#x}", offset), error);
        });
  }

 private:
  SourceFile file_;
  ExtentMap map_;
};

class DirectoryReader final : public SourceReader {
 public:
  DirectoryReader(OffsetDirectory directory, std::span<const Extent> extents)
      : directory_(std::move(directory)),
        map_(extents, ExtentMap::Merge::none),
        files_([this](std::size_t index) { return open_file(index); }) {}

  Result<void> read(std::uint64_t torrent_offset, MutableBytes data) override {
    return for_each_run(map_, torrent_offset, data,
                        [this](std::size_t index, const DeviceRun& run, std::uint64_t skip,
                               MutableBytes part) -> Result<void> {
                          const FileCache::File file = files_.get(index);
                          const int error =
                              file->error != 0 ? file->error : pread_fully(file->fd.get(), part, skip);
                          if (error == 0) return {};
                          return path_errno(directory_.path + "/" + directory_.name_of(run.device_offset),
                                            fmt::format("cannot read at offset {:#x}", skip), error);
                        });
  }

 private:
  UniqueFd open_file(std::size_t index) const {
    const std::string name = directory_.name_of(map_.run(index).device_offset);
    return UniqueFd(::openat(directory_.fd.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
  }

  OffsetDirectory directory_;
  ExtentMap map_;
  FileCache files_;
};

}  // namespace

Result<SourceFile> open_source_file(const std::string& path) {
  SourceFile file;
  file.path = path;
  struct stat status {};
  // Looked at before it is opened: opening some character devices and FIFOs waits or has effects.
  if (::stat(path.c_str(), &status) != 0) return path_errno(path, "cannot open", errno);
  if (S_ISDIR(status.st_mode)) return path_error(path, "is a directory, not a block device or image file");
  file.block_device = S_ISBLK(status.st_mode);
  if (!file.block_device && !S_ISREG(status.st_mode))
    return path_error(path, "is neither a block device nor an image file");
  file.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.fd) return path_errno(path, "cannot open", errno);
  if (!file.block_device) {
    file.size = static_cast<std::uint64_t>(status.st_size);
  } else if (::ioctl(file.fd.get(), BLKGETSIZE64, &file.size) != 0) {
    return path_errno(path, "cannot find the size", errno);
  }
  return file;
}

Result<std::unique_ptr<SourceReader>> make_file_reader(SourceFile file, std::span<const Extent> extents) {
  const std::uint64_t end = extents_end(extents);
  if (file.size < end)
    return path_error(file.path,
                      fmt::format("{} bytes are less than the {} the torrent needs", file.size, end));
  return std::make_unique<FileReader>(std::move(file), extents);
}

std::unique_ptr<SourceReader> make_directory_reader(OffsetDirectory directory,
                                                    std::span<const Extent> extents) {
  return std::make_unique<DirectoryReader>(std::move(directory), extents);
}

Result<std::unique_ptr<SourceReader>> open_source_reader(const std::string& path, std::string_view name,
                                                         std::span<const Extent> extents) {
  if (!is_directory(path)) {
    Result<SourceFile> file = open_source_file(path);
    if (!file) return file.error();
    return make_file_reader(std::move(*file), extents);
  }
  Result<OffsetDirectory> directory = open_offset_directory(path, name, extents);
  if (!directory) return directory.error();
  return make_directory_reader(std::move(*directory), extents);
}

}  // namespace ezio
