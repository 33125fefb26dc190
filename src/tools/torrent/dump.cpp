#include "tools/torrent/dump.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "bt/base/errno_text.hpp"
#include "bt/base/hex.hpp"
#include "disk/extent_map.hpp"
#include "disk/file_cache.hpp"
#include "disk/unique_fd.hpp"
#include "disk/zero_memory.hpp"
#include "tools/torrent/sparse_write.hpp"

namespace ezio {
namespace {

class DumpDirectory final : public Dump {
 public:
  DumpDirectory(std::string path, std::string partial, UniqueFd directory, std::span<const Extent> extents)
      : path_(std::move(path)),
        partial_(std::move(partial)),
        directory_(std::move(directory)),
        map_(extents, ExtentMap::Merge::none),
        files_([this](std::size_t run) { return open_file(run, O_WRONLY); }) {}
  ~DumpDirectory() override {
    std::error_code ignored;
    if (!finished_) std::filesystem::remove_all(partial_, ignored);
  }

  Result<void> make_files();
  Result<void> write(std::uint64_t torrent_offset, Bytes data) override;
  Result<void> finish() override;

 private:
  UniqueFd open_file(std::size_t run, int flags) const {
    return UniqueFd(::openat(directory_.get(), offset_name(map_.run(run).device_offset).c_str(),
                             flags | O_CLOEXEC, 0644));
  }
  Result<void> write_run(std::size_t run, std::uint64_t offset, Bytes data);
  Error failed(std::size_t run, std::string_view what, int error) const {
    return path_errno(partial_ + "/" + offset_name(map_.run(run).device_offset), what, error);
  }

  const std::string path_;
  const std::string partial_;
  const UniqueFd directory_;
  const ExtentMap map_;
  FileCache files_;
  bool finished_ = false;
};

Result<void> DumpDirectory::make_files() {
  for (std::size_t run = 0; run < map_.run_count(); ++run) {
    const UniqueFd file = open_file(run, O_WRONLY | O_CREAT | O_EXCL);
    if (!file) return failed(run, "cannot be made", errno);
    if (::ftruncate(file.get(), static_cast<off_t>(map_.run(run).length)) != 0)
      return failed(run, "cannot be extended", errno);
  }
  return {};
}

Result<void> DumpDirectory::write(std::uint64_t torrent_offset, Bytes data) {
  while (!data.empty()) {
    const std::size_t index = map_.run_at(torrent_offset);
    const DeviceRun run = map_.run(index);
    const std::uint64_t offset = torrent_offset - run.torrent_offset;
    const std::size_t bytes = std::min<std::uint64_t>(run.length - offset, data.size());
    if (auto done = write_run(index, offset, data.first(bytes)); !done) return done;
    torrent_offset += bytes;
    data = data.subspan(bytes);
  }
  return {};
}

Result<void> DumpDirectory::write_run(std::size_t run, std::uint64_t offset, Bytes data) {
  if (is_zero(data)) return {};
  const FileCache::File file = files_.get(run);
  if (file->error != 0) return failed(run, "cannot be opened", file->error);
  const int error = write_sparse(file->fd.get(), offset, data);
  return error == 0 ? Result<void>() : failed(run, "cannot be written", error);
}

Result<void> DumpDirectory::finish() {
  // Of all its files at once; an error of one that was written before counts, too (syncfs(2), Linux 5.8).
  if (::syncfs(directory_.get()) != 0) return path_errno(partial_, "cannot be flushed", errno);
  if (::renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0)
    return path_errno(path_, "cannot get its name", errno);
  finished_ = true;
  const auto parent = std::filesystem::absolute(path_).parent_path();
  const UniqueFd above(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!above || ::fsync(above.get()) != 0) return path_errno(parent.string(), "cannot be flushed", errno);
  return {};
}

class CopyingReader final : public SourceReader {
 public:
  CopyingReader(SourceReader& source, Dump& dump) : source_(source), dump_(dump) {}

  Result<void> read(std::uint64_t torrent_offset, MutableBytes data) override {
    if (auto done = source_.read(torrent_offset, data); !done) return done;
    return dump_.write(torrent_offset, data);
  }
  bool is_hole(std::uint64_t torrent_offset, std::uint64_t length) override {
    return source_.is_hole(torrent_offset, length);
  }
  std::uint32_t unit_bytes() const override { return source_.unit_bytes(); }
  bool sequential() const override { return source_.sequential(); }

 private:
  SourceReader& source_;
  Dump& dump_;
};

}  // namespace

std::unique_ptr<SourceReader> Dump::copying(SourceReader& source) {
  return std::make_unique<CopyingReader>(source, *this);
}

Result<std::unique_ptr<Dump>> Dump::create(const std::string& given, std::span<const Extent> extents) {
  std::string path = given;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  std::string partial = path + ".partial";
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return path_error(path, "is there already: choose another name");
  if (::mkdir(partial.c_str(), 0755) != 0) {
    if (errno == EEXIST)
      return path_error(partial, "is there already, left by a capture that was killed: remove it");
    return path_errno(partial, "cannot be made", errno);
  }
  UniqueFd directory(::open(partial.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return path_errno(partial, "cannot be opened", errno);
  auto dump = std::make_unique<DumpDirectory>(std::move(path), partial, std::move(directory), extents);
  if (auto made = dump->make_files(); !made) return made.error();
  return std::unique_ptr<Dump>(std::move(dump));
}

}  // namespace ezio
