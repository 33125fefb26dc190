// The directory of --dir: the torrents that a tracker serves and accepts announces for.
//
// Edge. Only regular files named *.torrent directly inside are taken; symbolic links are not followed. Files
// that are no torrents are reported once and left out, and looked at again when they change.
#pragma once

#include <boost/beast/core/file_posix.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "bt/base/result.hpp"
#include "bt/base/types.hpp"

namespace ezio::tracker {

class TorrentDir {
 public:
  using Report = std::function<void(const std::string& line)>;

  // Nothing is read before the first scan().
  TorrentDir(std::string path, Report report) : path_(std::move(path)), report_(std::move(report)) {}

  // Brings the list up to date, reading only the files that are new or changed. True when the list changed;
  // an error when the directory cannot be read, and then the list stays as it was.
  Result<bool> scan();

  // The good ones, by file name.
  const std::map<std::string, InfoHash>& torrents() const { return torrents_; }

  // Opens a torrent of the list to be served. An error for every other name.
  Result<boost::beast::file_posix> open(const std::string& name) const;

  void report(const std::string& line) const { report_(line); }

 private:
  // By what a change of a file is noticed.
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t size = 0;  // bytes
    std::int64_t modified_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct Known {
    Stamp stamp;
    std::optional<InfoHash> info_hash;  // empty: no torrent
  };

  Known examine(int directory, const std::string& name, const Known* before) const;
  Result<InfoHash> read_torrent(int directory, const std::string& name) const;

  std::string path_;
  Report report_;
  std::map<std::string, Known> known_;  // every file named *.torrent
  std::map<std::string, InfoHash> torrents_;
};

}  // namespace ezio::tracker
