#include "disk/open_storage.hpp"

#include <fmt/format.h>

#include <system_error>

#include "bt/base/errno_text.hpp"
#include "bt/metainfo/extents.hpp"
#include "disk/engine.hpp"
#include "disk/source.hpp"

namespace ezio {

Result<std::unique_ptr<Storage>> open_target_storage(DiskEngine& engine, std::uint64_t owner,
                                                     DeviceFile target, const Metainfo& metainfo,
                                                     std::shared_ptr<const KeptBytes> kept) {
  const std::uint64_t end = extents_end(metainfo.extents);
  if (end > target.size) {
    return path_error(target.path, fmt::format("has {} bytes, an extent ends at {}", target.size, end));
  }
  auto file = make_io_file(std::move(target), metainfo.extents, owner);
  file->kept = std::move(kept);
  return dynamic_cast<Engine&>(engine).open(std::move(file));
}

Result<std::unique_ptr<Storage>> open_source_storage(DiskEngine& engine, std::uint64_t owner,
                                                     const std::string& path, const Metainfo& metainfo) {
  auto source = open_source(path, metainfo.name, metainfo.extents, SourceAccess::direct, owner);
  if (!source) return source.error();
  return open_source_storage(engine, std::move(*source));
}

Result<std::unique_ptr<Storage>> open_source_storage(DiskEngine& engine, std::unique_ptr<IoFile> source) {
  const std::string path = source->path_of(0);
  try {
    return dynamic_cast<Engine&>(engine).open(std::move(source));
  } catch (const std::system_error& e) {
    return path_error(path, fmt::format("cannot start threads to read it: {}", e.what()), e.code().value());
  }
}

}  // namespace ezio
