// Dump as one file: a sparse image of the disk.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bt/base/errno_text.hpp"
#include "disk/extent_map.hpp"
#include "disk/small_file.hpp"
#include "disk/unique_fd.hpp"
#include "tools/torrent/dump.hpp"
#include "tools/torrent/sparse_write.hpp"

namespace ezio {
namespace {

class DumpImage final : public Dump {
 public:
  DumpImage(std::string path, std::string partial, UniqueFd fd, std::span<const Extent> extents)
      : path_(std::move(path)), partial_(std::move(partial)), fd_(std::move(fd)), map_(extents) {}
  ~DumpImage() override {
    if (fd_) ::unlink(partial_.c_str());
  }

  Result<void> write(std::uint64_t torrent_offset, Bytes data) override {
    while (!data.empty()) {
      const DeviceRun run = map_.run(map_.run_at(torrent_offset));
      const std::uint64_t into = torrent_offset - run.torrent_offset;
      const std::size_t here = std::min<std::uint64_t>(run.length - into, data.size());
      const int error = write_sparse(fd_.get(), run.device_offset + into, data.first(here));
      if (error != 0) return path_errno(partial_, "cannot be written", error);
      torrent_offset += here;
      data = data.subspan(here);
    }
    return {};
  }
  Result<void> finish() override {
    auto done = flush_and_rename(std::move(fd_), partial_, path_);
    if (!done) ::unlink(partial_.c_str());
    return done;
  }

 private:
  const std::string path_;
  const std::string partial_;
  UniqueFd fd_;
  const ExtentMap map_;
};

}  // namespace

Result<std::unique_ptr<Dump>> Dump::create_image(const std::string& path, std::span<const Extent> extents,
                                                 std::uint64_t disk_bytes) {
  if (auto checked = check_output_path(path); !checked) return checked.error();
  std::string partial = path + ".partial";
  UniqueFd fd(::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd && errno == EEXIST)
    return path_error(partial, "is there already, left by one that was killed: remove it");
  if (!fd) return path_errno(partial, "cannot be made", errno);
  const int file = fd.get();
  auto dump = std::make_unique<DumpImage>(path, partial, std::move(fd), extents);
  if (::ftruncate(file, static_cast<off_t>(disk_bytes)) != 0)
    return path_errno(partial, "cannot be extended", errno);
  return std::unique_ptr<Dump>(std::move(dump));
}

}  // namespace ezio
