// A temporary directory of torrents for the tests of the tracker.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "bt/metainfo/metainfo.hpp"
#include "temp_directory.hpp"

namespace ezio::test {

// A valid torrent of one extent; different names give different info-hashes.
inline std::string make_torrent(const std::string& name) {
  TorrentSpec spec;
  spec.name = name;
  spec.piece_length = 16 * KiB;
  spec.extents = {{0, 16 * KiB}};
  spec.piece_hashes = {Sha1Digest{}};
  spec.target_size = 16 * KiB;
  spec.trackers = {"http://127.0.0.1/announce"};
  return build_metainfo(spec).value();
}

inline InfoHash info_hash_of(const std::string& torrent) {
  return parse_metainfo(as_bytes(torrent), "test").value().info_hash;
}

class TorrentDirTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    // Two versions written within one tick of the file system's clock must not look the same.
    std::filesystem::last_write_time(path / name,
                                     std::filesystem::file_time_type{std::chrono::seconds(++version_)});
  }

  const TempDirectory directory;
  const std::filesystem::path path = directory.path();

 private:
  mutable int version_ = 0;
};

}  // namespace ezio::test
