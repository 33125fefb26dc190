// From opened targets and sources to storages of the engine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bt/base/result.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "disk/device_file.hpp"
#include "disk/disk_engine.hpp"
#include "disk/kept_bytes.hpp"
#include "disk/op_queue.hpp"

namespace ezio {

// `engine` must be one of make_disk_engine's and outlive the storage; `owner` comes back in each completion.
// `kept` as IoFile has it.
Result<std::unique_ptr<Storage>> open_target_storage(DiskEngine& engine, std::uint64_t owner,
                                                     DeviceFile target, const Metainfo& metainfo,
                                                     std::shared_ptr<const KeptBytes> kept = nullptr);
// Of an opened source, which knows its owner.
Result<std::unique_ptr<Storage>> open_source_storage(DiskEngine& engine, std::unique_ptr<IoFile> source);
// SOURCE as open_source takes it (disk/source.hpp), a block device with O_DIRECT.
Result<std::unique_ptr<Storage>> open_source_storage(DiskEngine& engine, std::uint64_t owner,
                                                     const std::string& path, const Metainfo& metainfo);

}  // namespace ezio
