// Dump as one file: a sparse image of the disk.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bt/base/errno_text.hpp"
#include "disk/extent_map.hpp"
#include "disk/small_file.hpp"
#include "tools/torrent/dump.hpp"
#include "tools/torrent/sparse_write.hpp"

namespace ezio {
namespace {

class DumpImage final : public Dump {
 public:
  DumpImage(PartialFile file, std::span<const Extent> extents) : file_(std::move(file)), map_(extents) {}

  Result<void> write(std::uint64_t torrent_offset, Bytes data) override {
    while (!data.empty()) {
      const DeviceRun run = map_.run(map_.run_at(torrent_offset));
      const std::uint64_t into = torrent_offset - run.torrent_offset;
      const std::size_t here = std::min<std::uint64_t>(run.length - into, data.size());
      const int error = write_sparse(file_.fd(), run.device_offset + into, data.first(here));
      if (error != 0) return path_errno(file_.name(), "cannot be written", error);
      torrent_offset += here;
      data = data.subspan(here);
    }
    return {};
  }
  Result<void> finish() override { return file_.finish(); }

 private:
  PartialFile file_;
  const ExtentMap map_;
};

}  // namespace

Result<std::unique_ptr<Dump>> Dump::create_image(const std::string& path, std::span<const Extent> extents,
                                                 std::uint64_t disk_bytes) {
  auto file = PartialFile::create(path);
  if (!file) return file.error();
  if (::ftruncate(file->fd(), static_cast<off_t>(disk_bytes)) != 0)
    return path_errno(file->name(), "cannot be extended", errno);
  return std::make_unique<DumpImage>(std::move(*file), extents);
}

}  // namespace ezio
