#include "disk/holes.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ezio {
namespace {

bool is_hole_of(int fd, std::uint64_t offset, std::uint64_t length) {
  const off_t data = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0 && errno == ENXIO) {
    // Nothing but a hole up to the end, which must not be before ours: what a file has lost is no zeros.
    struct stat status {};
    return ::fstat(fd, &status) == 0 && static_cast<std::uint64_t>(status.st_size) >= offset + length;
  }
  if (data < 0) return false;
  return static_cast<std::uint64_t>(data) >= offset + length;
}

}  // namespace

bool is_hole(const IoFile& file, std::uint64_t torrent_offset, std::uint64_t length) {
  std::size_t index = file.map.run_at(torrent_offset);
  while (length > 0) {
    const DeviceRun run = file.map.run(index);
    const std::uint64_t inside = torrent_offset - run.torrent_offset;
    const std::uint64_t here = std::min(length, run.length - inside);
    const IoFile::Handle handle = file.open_run(static_cast<std::uint32_t>(index));
    if (handle.stored != nullptr && handle.stored->is_hole(torrent_offset, length)) return true;
    if (handle.fd < 0 || !is_hole_of(handle.fd, run.device_offset + inside - handle.base, here)) return false;
    torrent_offset += here;
    length -= here;
    ++index;
  }
  return true;
}

}  // namespace ezio
