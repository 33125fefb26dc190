#include "disk/directory_source.hpp"

#include <fcntl.h>

namespace ezio {

Result<std::unique_ptr<DirectorySource>> DirectorySource::open(const std::string& path,
                                                               const Metainfo& metainfo,
                                                               std::uint64_t owner) {
  auto directory = open_offset_directory(path, metainfo.name, metainfo.extents);
  if (!directory) return directory.error();
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
