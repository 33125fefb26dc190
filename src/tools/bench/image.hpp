// What `ezio-bench clone` clones: an image of random data, its torrent, and the proof that a target equals
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio {

// A directory of its own, removed with the files in it.
class ScratchDirectory {
 public:
  // Throws std::system_error when it cannot be made.
  explicit ScratchDirectory(const std::string& parent);
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// These end early when interrupted.

// A new file with random bytes, which nothing compresses or finds twice, in the extents, and holes between
// them.
Result<void> write_random_image(const std::string& path, const std::vector<Extent>& extents);

// The same of zeros: a target is there before it is overwritten, as a disk is, and takes no time to be
// allocated.
Result<void> write_blank_image(const std::string& path, const std::vector<Extent>& extents);

// A torrent of the image's extents, at `torrent`.
Result<void> write_image_torrent(const std::string& torrent, const std::string& image,
                                 const std::vector<Extent>& extents, std::uint32_t piece_length);

// An error says where the target differs first.
Result<void> compare_extents(const std::string& image, const std::string& target,
                             const std::vector<Extent>& extents);

}  // namespace ezio
