#include "disk/directory_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <string_view>

#include "bt/extents.hpp"
#include "disk/device_file.hpp"

namespace ezio {
namespace {

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// The torrent's name comes from outside: only a plain path element may lead further down.
std::string directory_of(const std::string& path, const std::string& name) {
  const bool plain = !name.empty() && name != "." && name != ".." &&
                     name.find_first_of(std::string_view("/\0", 2)) == std::string::npos;
  return plain && is_directory(path + "/" + name) ? path + "/" + name : path;
}

Result<void> check_files(const OffsetDirectory& directory, const std::vector<Extent>& extents) {
  for (const Extent& extent : extents) {
    const Extent* file = directory.find(extent.offset);
    if (file == nullptr) {
      return path_error(directory.path, fmt::format("has no file for the extent of {}", to_string(extent)),
                        ENOENT);
    }
    if (file->length != extent.length) {
      return path_error(directory.path + "/" + directory.name_of(extent.offset),
                        fmt::format("has {} bytes, the torrent says {}", file->length, extent.length));
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<DirectorySource>> DirectorySource::open(const std::string& path,
                                                               const Metainfo& metainfo,
                                                               std::uint64_t owner) {
  auto directory = scan_offset_directory(directory_of(path, metainfo.name));
  if (!directory) return directory.error();
  if (auto checked = check_files(*directory, metainfo.extents); !checked) return checked.error();
  directory->files = {};  // the map knows them from here on
  return std::unique_ptr<DirectorySource>(new DirectorySource(metainfo, owner, std::move(*directory)));
}

DirectorySource::DirectorySource(const Metainfo& metainfo, std::uint64_t owner_value,
                                 OffsetDirectory directory)
    : IoFile(ExtentMap(metainfo.extents, ExtentMap::Merge::none), IoAlignment{}, owner_value),
      directory_(std::move(directory)),
      files_([this](std::size_t run) { return open_file(run); }) {}

UniqueFd DirectorySource::open_file(std::size_t run) const {
  const std::string name = directory_.name_of(map.run(run).device_offset);
  return UniqueFd(::openat(directory_.fd.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
}

IoFile::Handle DirectorySource::open_run(std::uint32_t run) const {
  const FileCache::File file = files_.get(run);
  const std::uint64_t base = map.run(run).device_offset;
  if (file->error != 0) return {-1, file->error, base, nullptr};
  return {file->fd.get(), 0, base, file};
}

}  // namespace ezio
