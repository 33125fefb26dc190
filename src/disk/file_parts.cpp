#include "disk/file_parts.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

namespace ezio {
namespace {

bool kernel_tells(int fd) {
  struct stat status {};
  if (::geteuid() == 0) return true;
  return ::fstat(fd, &status) == 0 &&
         (status.st_uid == ::geteuid() || ::faccessat(fd, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) == 0);
}

bool in_page_cache(const FilePart& part) {
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t begin = part.offset - part.offset % page;
  const std::uint64_t length = part.offset + part.length - begin;
  void* mapping = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, part.fd, static_cast<off_t>(begin));
  if (mapping == MAP_FAILED) return false;
  std::vector<unsigned char> pages((length + page - 1) / page);
  const bool known = ::mincore(mapping, length, pages.data()) == 0;
  ::munmap(mapping, length);
  // Only the lowest bit has a meaning.
  return known && std::all_of(pages.begin(), pages.end(), [](unsigned char bits) { return (bits & 1) != 0; });
}

}  // namespace

FileParts file_parts(const IoFile& file, std::uint64_t torrent_offset, std::uint64_t length,
                     std::size_t max_parts) {
  assert(length > 0);
  const std::uint64_t end = torrent_offset + length;
  const std::size_t first = file.map.run_at(torrent_offset);
  const std::size_t last = file.map.run_at(end - 1);
  FileParts parts;
  if (file.alignment.sector > 1 || last - first >= max_parts) return parts;
  for (std::size_t run = first; run <= last; ++run) {
    const DeviceRun part = file.map.run(run);
    IoFile::Handle handle = file.open_run(static_cast<std::uint32_t>(run));
    if (handle.fd < 0) return {};
    const std::uint64_t into = torrent_offset - part.torrent_offset;
    const std::uint64_t here = std::min(part.length - into, end - torrent_offset);
    parts.push_back({handle.fd, part.device_offset + into - handle.base, here, std::move(handle.keep_open)});
    torrent_offset += here;
  }
  return parts;
}

bool in_page_cache(const FileParts& parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [](const FilePart& part) { return kernel_tells(part.fd) && in_page_cache(part); });
}

}  // namespace ezio
