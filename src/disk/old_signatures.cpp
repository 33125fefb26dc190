#include "disk/old_signatures.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "bt/base/errno_text.hpp"

namespace ezio {
namespace {

constexpr std::string_view gpt_magic = "EFI PART";

bool overlaps(const Extent& extent, const Signature& signature) {
  return extent.offset < signature.offset + signature.length &&
         signature.offset < extent.offset + extent.length;
}

// Its header is the device's last sector (UEFI specification, 5.3.2), whatever a sector was when it was made.
void add_backup_tables(int fd, std::uint64_t device_bytes, std::vector<Signature>& found) {
  for (std::uint64_t sector : {512u, 4096u}) {
    if (device_bytes < sector || device_bytes % sector != 0) continue;
    const std::uint64_t offset = device_bytes - sector;
    char magic[gpt_magic.size()];
    const ssize_t got = ::pread(fd, magic, sizeof magic, static_cast<off_t>(offset));
    if (got != static_cast<ssize_t>(sizeof magic) || std::string_view(magic, sizeof magic) != gpt_magic)
      continue;
    const bool known = std::any_of(found.begin(), found.end(),
                                   [&](const Signature& signature) { return signature.offset == offset; });
    if (!known) found.push_back({Signature::Kind::table, "gpt", {}, offset, gpt_magic.size()});
  }
}

}  // namespace

bool in_extents(const std::vector<Extent>& extents, const Signature& signature) {
  return std::any_of(extents.begin(), extents.end(),
                     [&](const Extent& extent) { return overlaps(extent, signature); });
}

Result<std::vector<Signature>> find_old_signatures(int fd, const DeviceFile& target,
                                                   const std::vector<Extent>& extents) {
  auto found = find_signatures(fd);
  if (!found) return found;
  add_backup_tables(fd, target.size, *found);
  std::erase_if(*found, [&](const Signature& signature) {
    const bool there = signature.length > 0 && signature.offset + signature.length <= target.size;
    return !there || in_extents(extents, signature);
  });
  return found;
}

Result<void> wipe(const DeviceFile& target, const Signature& signature) {
  const std::uint64_t begin = signature.offset / target.sector * target.sector;
  const std::uint64_t end =
      (signature.offset + signature.length + target.sector - 1) / target.sector * target.sector;
  const std::size_t alignment = std::max<std::size_t>(target.memory_alignment, alignof(std::max_align_t));
  const std::size_t bytes = end - begin;
  const std::size_t memory_bytes = (bytes + alignment - 1) / alignment * alignment;
  const std::unique_ptr<std::byte, decltype(&std::free)> memory(
      static_cast<std::byte*>(std::aligned_alloc(alignment, memory_bytes)), &std::free);
  if (memory == nullptr) return path_errno(target.path, "cannot wipe an old signature", ENOMEM);
  const auto failed = [&] {
    return path_errno(target.path, fmt::format("cannot wipe the old signature at byte {}", signature.offset),
                      errno == 0 ? EIO : errno);
  };
  errno = 0;
  if (::pread(target.fd.get(), memory.get(), bytes, static_cast<off_t>(begin)) != static_cast<ssize_t>(bytes))
    return failed();
  std::memset(memory.get() + (signature.offset - begin), 0, signature.length);
  if (::pwrite(target.fd.get(), memory.get(), bytes, static_cast<off_t>(begin)) !=
      static_cast<ssize_t>(bytes))
    return failed();
  return {};
}

}  // namespace ezio
