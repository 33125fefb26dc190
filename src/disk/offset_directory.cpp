#include "disk/offset_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "bt/base/errno_text.hpp"
#include "bt/base/hex.hpp"
#include "bt/metainfo/extents.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "bt/metainfo/rules.hpp"

namespace ezio {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

Result<void> add_file(OffsetDirectory& directory, const std::string& name, std::uint64_t offset) {
  const std::string file = directory.path + "/" + name;
  struct stat status {};
  if (::fstatat(directory.fd.get(), name.c_str(), &status, 0) != 0)
    return path_errno(file, "cannot stat", errno);
  if (!S_ISREG(status.st_mode)) return path_error(file, "not a regular file");
  directory.files.push_back({offset, static_cast<std::uint64_t>(status.st_size)});
  if (name != offset_name(offset)) directory.spellings.emplace(offset, name);
  return {};
}

Result<void> add_name(OffsetDirectory& directory, const std::string& name) {
  if (name == "." || name == "..") return {};
  if (const auto offset = parse_hex_offset(name)) return add_file(directory, name, *offset);
  if (name == "torrent.info") {
    directory.has_torrent_info = true;
  } else if (!directory.stranger || name < *directory.stranger) {
    directory.stranger = name;  // the first in order, so that messages do not depend on the file system
  }
  return {};
}

Result<void> sort_files(OffsetDirectory& directory) {
  std::ranges::sort(directory.files);
  const auto twice = std::ranges::adjacent_find(directory.files, {}, &Extent::offset);
  if (twice == directory.files.end()) return {};
  return path_error(directory.path, fmt::format("two files are named by the offset {:#x}", twice->offset));
}

}  // namespace

std::string OffsetDirectory::name_of(std::uint64_t offset) const {
  const auto spelling = spellings.find(offset);
  return spelling == spellings.end() ? offset_name(offset) : spelling->second;
}

const Extent* OffsetDirectory::find(std::uint64_t offset) const {
  const auto file = std::ranges::lower_bound(files, offset, {}, &Extent::offset);
  return file != files.end() && file->offset == offset ? &*file : nullptr;
}

Result<OffsetDirectory> scan_offset_directory(const std::string& path) {
  OffsetDirectory directory;
  directory.path = path;
  directory.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.fd) return path_errno(path, "cannot open the directory", errno);
  const DirectoryStream stream(::opendir(path.c_str()));
  if (!stream) return path_errno(path, "cannot read the directory", errno);
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr && errno != 0) return path_errno(path, "cannot read the directory", errno);
    if (entry == nullptr) break;
    if (Result<void> added = add_name(directory, entry->d_name); !added) return added.error();
  }
  if (Result<void> sorted = sort_files(directory); !sorted) return sorted.error();
  return directory;
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<OffsetDirectory> open_offset_directory(const std::string& path, std::string_view name,
                                              std::span<const Extent> extents) {
  const std::string inner = fmt::format("{}/{}", path, name);
  const bool use_inner = !name_fault(name) && is_directory(inner);
  Result<OffsetDirectory> directory = scan_offset_directory(use_inner ? inner : path);
  if (!directory) return directory.error();
  for (const Extent& extent : extents) {
    const Extent* file = directory->find(extent.offset);
    if (file == nullptr)
      return path_error(directory->path,
                        fmt::format("no file {} for {}", offset_name(extent.offset), to_string(extent)));
    if (file->length == extent.length) continue;
    return path_error(directory->path + "/" + directory->name_of(extent.offset),
                      fmt::format("{} bytes, not the extent's {}", file->length, extent.length));
  }
  return directory;
}

}  // namespace ezio
