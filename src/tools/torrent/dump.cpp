#include "tools/torrent/dump.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "bt/base/errno_text.hpp"
#include "bt/base/hex.hpp"
#include "disk/extent_map.hpp"
#include "disk/file_cache.hpp"
#include "disk/unique_fd.hpp"

namespace ezio {
namespace {

constexpr std::uint64_t hole_bytes = 4096;  // what a file system can leave out

bool is_zero(Bytes data) {
  return data[0] == std::byte{0} && std::memcmp(data.data(), data.data() + 1, data.size() - 1) == 0;
}

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
  Result<void> write(std::uint64_t torrent_offset, Bytes data);
  std::unique_ptr<SourceReader> copying(SourceReader& source) override;
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

class CopyingReader final : public SourceReader {
 public:
  CopyingReader(SourceReader& source, DumpDirectory& dump) : source_(source), dump_(dump) {}

  Result<void> read(std::uint64_t torrent_offset, MutableBytes data) override {
    if (auto done = source_.read(torrent_offset, data); !done) return done;
    return dump_.write(torrent_offset, data);
  }
  bool is_hole(std::uint64_t torrent_offset, std::uint64_t length) override {
    return source_.is_hole(torrent_offset, length);
  }
  bool sequential() const override { return source_.sequential(); }

 private:
  SourceReader& source_;
  DumpDirectory& dump_;
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
  const auto next_block = [&](std::size_t at) {
    const std::uint64_t end = ((offset + at) / hole_bytes + 1) * hole_bytes - offset;
    return std::min<std::uint64_t>(end, data.size());
  };
  FileCache::File file;
  for (std::size_t begin = 0; begin < data.size();) {
    const std::size_t block_end = next_block(begin);
    if (is_zero(data.subspan(begin, block_end - begin))) {
      begin = block_end;
      continue;
    }
    std::size_t end = block_end;  // of what is written at once
    while (end < data.size() && !is_zero(data.subspan(end, next_block(end) - end))) end = next_block(end);
    if (!file) file = files_.get(run);
    if (file->error != 0) return failed(run, "cannot be opened", file->error);
    while (begin < end) {
      const ssize_t put =
          ::pwrite(file->fd.get(), data.data() + begin, end - begin, static_cast<off_t>(offset + begin));
      if (put <= 0) return failed(run, "cannot be written", put < 0 ? errno : ENOSPC);
      begin += static_cast<std::size_t>(put);
    }
  }
  return {};
}

std::unique_ptr<SourceReader> DumpDirectory::copying(SourceReader& source) {
  return std::make_unique<CopyingReader>(source, *this);
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

}  // namespace

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
