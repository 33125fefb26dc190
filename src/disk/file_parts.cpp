#include "disk/file_parts.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>

namespace ezio {
namespace {

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

FileParts file_parts(const IoFile& file, std::uint64_t torrent_offset, std::uint64_t length) {
  FileParts parts;
  if (file.alignment.sector > 1) return parts;
  const std::uint64_t most = std::max<std::uint64_t>(length / least_mean_part_bytes, 1);
  const std::uint64_t end = torrent_offset + length;
  for (std::size_t run = file.map.run_at(torrent_offset); torrent_offset < end; ++run) {
    if (parts.size() == most) return {};
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

FileParts slice(const FileParts& parts, std::uint64_t begin, std::uint64_t length) {
  FileParts some;
  for (const FilePart& part : parts) {
    if (length == 0) break;
    if (begin < part.length) {
      const std::uint64_t here = std::min(part.length - begin, length);
      some.push_back({part.fd, part.offset + begin, here, part.keep_open});
      length -= here;
    }
    begin -= std::min(begin, part.length);
  }
  assert(length == 0);
  return some;
}

bool in_page_cache(const FileParts& parts) {
  return std::all_of(parts.begin(), parts.end(), [](const FilePart& part) { return in_page_cache(part); });
}

}  // namespace ezio
