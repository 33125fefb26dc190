#include "disk/boot_record.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "bt/base/errno_text.hpp"
#include "bt/base/little_endian.hpp"

namespace ezio {
namespace {

// Where the entries are, and what is where in one.
constexpr std::size_t first_entry = 446, entry_bytes = 16, kind_at = 4, start_at = 8, sectors_at = 12;

}  // namespace

Result<BootRecord> BootRecord::read(int fd, const std::string& path, std::uint64_t at) {
  BootRecord record(fd, path, at);
  const ssize_t got = ::pread(fd, record.bytes_.data(), record.bytes_.size(), static_cast<off_t>(at));
  if (got == static_cast<ssize_t>(record.bytes_.size())) return record;
  return path_errno(path, fmt::format("cannot read an extended boot record at byte {}", at),
                    got < 0 ? errno : EIO);
}

bool BootRecord::valid() const {
  return load_little(Bytes(bytes_).subspan(510), 2) == 0xaa55;
}

BootRecord::Entry BootRecord::entry(std::size_t index) const {
  const Bytes raw = Bytes(bytes_).subspan(first_entry + entry_bytes * index, entry_bytes);
  const int kind = std::to_integer<int>(raw[kind_at]);
  if (kind == 0) return {};
  return {load32(raw.subspan(start_at)), load32(raw.subspan(sectors_at)),
          kind == 0x05 || kind == 0x0f || kind == 0x85};
}

std::optional<std::size_t> BootRecord::link() const {
  for (std::size_t index = 0; index < 4; ++index) {
    if (entry(index).link && entry(index).sectors > 0) return index;
  }
  return std::nullopt;
}

Result<void> BootRecord::write_sectors(std::size_t index, std::uint32_t sectors) {
  for (std::size_t i = 0; i < 4; ++i)
    bytes_[first_entry + entry_bytes * index + sectors_at + i] = static_cast<std::byte>(sectors >> (8 * i));
  const ssize_t put = ::pwrite(fd_, bytes_.data(), bytes_.size(), static_cast<off_t>(at_));
  if (put == static_cast<ssize_t>(bytes_.size())) return {};
  return path_errno(*path_, "an extended boot record cannot be written", put < 0 ? errno : ENOSPC);
}

}  // namespace ezio
