#include "disk/data_runs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bt/base/errno_text.hpp"

namespace ezio {

Result<std::vector<Extent>> find_data_runs(const DeviceFile& file) {
  if (file.size == 0) return std::vector<Extent>{};
  if (file.block_device) return std::vector<Extent>{{0, file.size}};
  std::vector<Extent> runs;
  const auto seek = [&file](std::uint64_t from, int whence) {
    return ::lseek(file.fd.get(), static_cast<off_t>(from), whence);
  };
  for (std::uint64_t position = 0; position < file.size;) {
    const off_t data = seek(position, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // only a hole is left
    const off_t hole = data < 0 ? data : seek(static_cast<std::uint64_t>(data), SEEK_HOLE);
    if (hole < 0)
      return path_errno(file.path, fmt::format("cannot find the holes at offset {:#x}", position), errno);
    const auto begin = static_cast<std::uint64_t>(data);
    const std::uint64_t end = std::min(static_cast<std::uint64_t>(hole), file.size);
    if (begin >= end) break;  // the file grew behind our back
    runs.push_back({begin, end - begin});
    position = end;
  }
  return runs;
}

}  // namespace ezio
