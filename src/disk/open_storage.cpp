// From opened files to storages of the engine: the last part of target.hpp.
#include <fmt/format.h>
#include <sys/stat.h>

#include <system_error>

#include "bt/base/errno_text.hpp"
#include "bt/metainfo/extents.hpp"
#include "disk/device_file.hpp"
#include "disk/directory_source.hpp"
#include "disk/engine.hpp"
#include "disk/target.hpp"

namespace ezio {
namespace {

class DeviceIo final : public IoFile {
 public:
  DeviceIo(DeviceFile file, const Metainfo& metainfo, std::uint64_t owner_value)
      : IoFile(ExtentMap(metainfo.extents), {file.sector, file.memory_alignment}, owner_value),
        file_(std::move(file)) {}

  Handle open_run(std::uint32_t) const override { return {file_.fd.get(), 0, 0, nullptr}; }

 private:
  DeviceFile file_;
};

std::string kind_of(const DeviceFile& file) {
  if (file.direct) return fmt::format("O_DIRECT, {}-byte sectors", file.sector);
  return fmt::format("buffered ({})", file.why_not_direct);
}

Result<std::unique_ptr<Storage>> open_device_storage(DiskEngine& engine, std::uint64_t owner, DeviceFile file,
                                                     const Metainfo& metainfo) {
  const std::uint64_t end = extents_end(metainfo.extents);
  if (end > file.size) {
    return path_error(file.path, fmt::format("has {} bytes, an extent ends at {}", file.size, end));
  }
  const std::string kind = kind_of(file);
  auto io = std::make_unique<DeviceIo>(std::move(file), metainfo, owner);
  return dynamic_cast<Engine&>(engine).open(std::move(io), kind);
}

Result<std::unique_ptr<Storage>> open_directory_storage(DiskEngine& engine, std::uint64_t owner,
                                                        const std::string& path, const Metainfo& metainfo) {
  auto source = DirectorySource::open(path, metainfo, owner);
  if (!source) return source.error();
  try {
    return dynamic_cast<Engine&>(engine).open_on_threads(std::move(*source), "a directory of extents");
  } catch (const std::system_error& e) {
    return path_error(path, fmt::format("cannot start threads to read it: {}", e.what()), e.code().value());
  }
}

}  // namespace

Result<std::unique_ptr<Storage>> open_target_storage(DiskEngine& engine, std::uint64_t owner,
                                                     DeviceFile target, const Metainfo& metainfo) {
  return open_device_storage(engine, owner, std::move(target), metainfo);
}

Result<std::unique_ptr<Storage>> open_source_storage(DiskEngine& engine, std::uint64_t owner,
                                                     const std::string& path, const Metainfo& metainfo) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return open_directory_storage(engine, owner, path, metainfo);
  }
  auto file = open_source(path, extents_end(metainfo.extents));
  if (!file) return file.error();
  return open_device_storage(engine, owner, std::move(*file), metainfo);
}

}  // namespace ezio
