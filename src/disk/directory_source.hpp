// A source that is a directory with one file an extent, named by its offset in hexadecimal, as partclone -t
// writes it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bt/base/result.hpp"
#include "bt/metainfo/metainfo.hpp"
#include "disk/file_cache.hpp"
#include "disk/offset_directory.hpp"
#include "disk/op_queue.hpp"

namespace ezio {

class DirectorySource final : public IoFile {
 public:
  // Looks at every file once: each extent needs one whose name has its offset's value, in any number of
  // digits and either case, with the extent's length. Other files are ignored. DIR/<name>/ is used where it
  // exists, else DIR itself.
  static Result<std::unique_ptr<DirectorySource>> open(const std::string& path, const Metainfo& metainfo,
                                                       std::uint64_t owner);

  // Opens the extent's file, or returns it still open: a few of perhaps a million are. Thread safe.
  Handle open_run(std::uint32_t run) const override;

 private:
  DirectorySource(const Metainfo& metainfo, std::uint64_t owner_value, OffsetDirectory directory);
  UniqueFd open_file(std::size_t run) const;

  const OffsetDirectory directory_;
  mutable FileCache files_;
};

}  // namespace ezio
