#include "disk/kept_bytes.hpp"

#include <algorithm>
#include <cstring>

namespace ezio {

void KeptBytes::keep(std::uint64_t device_offset, std::vector<std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  parts_.push_back({device_offset, std::move(bytes)});
}

void KeptBytes::restore(const ExtentMap& map, std::uint64_t torrent_offset, MutableBytes data) const {
  const std::lock_guard lock(mutex_);
  if (parts_.empty()) return;
  while (!data.empty()) {
    const DeviceRun run = map.run(map.run_at(torrent_offset));
    const std::uint64_t skipped = torrent_offset - run.torrent_offset;
    const auto length = std::min<std::uint64_t>(run.length - skipped, data.size());
    const std::uint64_t begin = run.device_offset + skipped, end = begin + length;
    for (const Part& part : parts_) {
      const std::uint64_t from = std::max(begin, part.device_offset);
      const std::uint64_t to = std::min(end, part.device_offset + part.bytes.size());
      if (from < to) std::memcpy(&data[from - begin], &part.bytes[from - part.device_offset], to - from);
    }
    torrent_offset += length;
    data = data.subspan(length);
  }
}

}  // namespace ezio
