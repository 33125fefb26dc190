#include "tools/torrent/sparse_write.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "disk/zero_memory.hpp"

namespace ezio {
namespace {

constexpr std::uint64_t hole_bytes = 4096;  // what a file system can leave out

int pwrite_fully(int fd, std::uint64_t offset, Bytes data) {
  while (!data.empty()) {
    const ssize_t put = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return put < 0 ? errno : ENOSPC;
    offset += static_cast<std::uint64_t>(put);
    data = data.subspan(static_cast<std::size_t>(put));
  }
  return 0;
}

}  // namespace

int write_sparse(int fd, std::uint64_t offset, Bytes data) {
  const auto next_block = [&](std::size_t at) {
    const std::uint64_t end = ((offset + at) / hole_bytes + 1) * hole_bytes - offset;
    return std::min<std::uint64_t>(end, data.size());
  };
  for (std::size_t begin = 0; begin < data.size();) {
    std::size_t end = next_block(begin);  // of what is written at once
    if (is_zero(data.subspan(begin, end - begin))) {
      begin = end;
      continue;
    }
    while (end < data.size() && !is_zero(data.subspan(end, next_block(end) - end))) end = next_block(end);
    if (const int error = pwrite_fully(fd, offset + begin, data.subspan(begin, end - begin)); error != 0)
      return error;
    begin = end;
  }
  return 0;
}

}  // namespace ezio
